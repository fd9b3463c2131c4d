#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <set>

#include "cloud-uplink/pump/pump.hpp"
#include "firmware/config/json.hpp"
#include "firmware/config/schema.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

std::filesystem::path folder_of(const SinkInfo& info) {
    return std::filesystem::path(FOG_SOURCE_DIR) / "cloud-uplink" / "sinks" / info.name;
}

Node sample_of(const SinkInfo& info) {
    const auto path = folder_of(info) / "sample.toml";
    auto text = read_file(path, 1U << 20U);
    REQUIRE(text);
    std::vector<Fault> faults;
    auto node = parse_toml(*text, path.filename().string(), faults);
    for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
    REQUIRE(node);
    return *std::move(node);
}

/// The sample, aimed at a loopback port where nobody listens.
Node aimed_at_nobody(const SinkInfo& info) {
    Node node = sample_of(info);
    const Node* url = node.find("url");
    REQUIRE(url != nullptr);
    const std::string scheme = url->string()->substr(0, url->string()->find("://"));
    const std::string nobody = scheme + "://127.0.0.1:" + std::to_string(free_port());
    node.set("url", Node(Node::Data(nobody)));
    return node;
}

struct World {
    Metrics metrics;
    Limits limits;
    PointDirectory points;
    BootTable boots;
    RecordContext context{"gw-1", &points, &boots};
    Node config;
    std::vector<Record> records;
    std::vector<Outgoing> batch;

    World() {
        set_log_level(LogLevel::error);
        REQUIRE(points.set({PointId{1}, "dev-1", "temp", "Cel", "", false}));
        for (std::uint64_t n = 1; n <= 50; ++n) {
            Record record;
            record.seq = Seq{n};
            record.body = Sample{PointId{1}, 1.5, {}, {}, BootId{1}, MonoTime{}, 0};
            records.push_back(record);
        }
        for (const Record& record : records) batch.push_back({&record});
    }
    std::unique_ptr<Sink> make(const SinkInfo& info) {
        config = aimed_at_nobody(info);
        std::vector<Fault> faults;
        ConfigView view(config, faults);
        auto sink = info.make("contract", view, {context, limits, metrics});
        REQUIRE(sink);
        return sink;
    }
    static MonoTime in(std::chrono::milliseconds time) {
        return std::chrono::steady_clock::now() + time;
    }
};

const StepWords kQuiet = [](std::string_view) {};

TEST_CASE("sinks: each has a name, a summary, a schema, a README and a sample") {
    std::set<std::string_view> names;
    for (const SinkInfo* info : all_sinks()) {
        INFO(std::string(info->name));
        CHECK(names.insert(info->name).second);
        CHECK_FALSE(info->summary.empty());
        REQUIRE((info->make != nullptr));
        CHECK(std::filesystem::exists(folder_of(*info) / "README.md"));
        CHECK(std::filesystem::exists(folder_of(*info) / "sample.toml"));
        std::vector<Fault> faults;
        CHECK(parse_json(info->schema, faults));
        CHECK(faults.empty());
    }
    CHECK(names.count("mqtt") == 1);
}

TEST_CASE("sinks: the sample is accepted, by the maker and by the schema") {
    for (const SinkInfo* info : all_sinks()) {
        INFO(std::string(info->name));
        const Node sample = sample_of(*info);
        std::vector<Fault> faults;
        check_uplink("sample", sample, Limits{}, faults);
        check_schema(sample, info->schema, faults);
        for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
    }
}

TEST_CASE("sinks: without a connection every record gets one verdict, and it is still owed") {
    for (const SinkInfo* info : all_sinks()) {
        INFO(std::string(info->name));
        World world;
        auto sink = world.make(*info);
        CHECK_FALSE(sink->connected());
        const auto verdicts = sink->send(world.batch, World::in(5s));
        CHECK(verdicts.size() == world.batch.size());
        for (const Verdict& verdict : verdicts) CHECK(std::holds_alternative<Retry>(verdict));
        sink->close();
        sink->close();
    }
}

TEST_CASE("sinks: nobody there is an error that may be tried again, in time") {
    for (const SinkInfo* info : all_sinks()) {
        INFO(std::string(info->name));
        World world;
        auto sink = world.make(*info);
        const auto deadline = World::in(10s);
        auto up = sink->connect(deadline, kQuiet);
        REQUIRE_FALSE(up);
        INFO(up.error().what);
        CHECK((up.error().code == Errc::unreachable || up.error().code == Errc::timeout));
        CHECK_FALSE(sink->connected());
        CHECK(std::chrono::steady_clock::now() < deadline + 2s);
    }
}

TEST_CASE("sinks: interrupted, connect and send return at once, until close") {
    for (const SinkInfo* info : all_sinks()) {
        INFO(std::string(info->name));
        World world;
        auto sink = world.make(*info);
        sink->interrupt();
        CHECK_FALSE(sink->connect(World::in(60s), kQuiet));
        for (const Verdict& verdict : sink->send(world.batch, World::in(60s)))
            CHECK(std::holds_alternative<Retry>(verdict));
        sink->close();
        auto up = sink->connect(World::in(5s), kQuiet);
        REQUIRE_FALSE(up);
        CHECK(up.error().code != Errc::busy);
    }
}

}  // namespace
}  // namespace fog
