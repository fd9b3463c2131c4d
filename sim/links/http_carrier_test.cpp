#include "sim/links/http_carrier.hpp"

#include <doctest/doctest.h>

#include <mutex>

#include "firmware/io/files.hpp"
#include "sim/links/engine.hpp"
#include "sim/net/http_request.hpp"
#include "sim/net/stream_loop.hpp"
#include "sim/world/make_node.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("http.ingest: one report is an object, more are a list") {
    const WallTime time{1'795'279'200'123ms};
    const std::vector<std::pair<Report, WallTime>> reports = {
        {{7, 0, 0s, {{"temp", "Cel", -19.4}}}, time}, {{8, 0, 0s, {{"door", "", true}}}, time}};
    CHECK(http_ingest_body(std::span(reports).first(1)) ==
          R"({"msg":{"id":7},"ts":1795279200123,"temp":-19.4})");
    CHECK(http_ingest_body(reports) == R"([{"msg":{"id":7},"ts":1795279200123,"temp":-19.4},)"
                                       R"({"msg":{"id":8},"ts":1795279200123,"door":true}])");
}

/// Keeps every request; answers with the statuses given, the last one again and again.
class Gateway final : public StreamService {
public:
    explicit Gateway(std::vector<unsigned> statuses) : statuses_(std::move(statuses)) {
        url = "http://127.0.0.1:" + std::to_string(loop_.listen("127.0.0.1", 0)->port);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~Gateway() override {
        loop_.stop();
        thread_.join();
    }
    std::vector<HttpRequest> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    std::string url;

private:
    void opened(Stream&, std::uint64_t) override {}
    void heard(Stream& stream) override {
        auto got = parse_http_request(stream.heard(), 1U << 20U);
        if (got.state != HttpParse::State::complete) return;
        stream.consume(got.used);
        const std::lock_guard lock(mutex_);
        const unsigned status = statuses_[std::min(requests_.size(), statuses_.size() - 1)];
        requests_.push_back(std::move(got.request));
        if (status == 0) return stream.close();
        stream.send(http_response(status, "{}"));
    }
    void closed(Stream&) override {}
    std::optional<MonoTime> due(MonoTime) override { return std::nullopt; }

    std::mutex mutex_;
    std::vector<unsigned> statuses_;
    std::vector<HttpRequest> requests_;
    StreamLoop loop_{*this};
    std::thread thread_;
};

struct Run {
    TempFolder folder;
    Result<RunResult> result = Error{};
    std::string ledger;
    Run(const Gateway& gateway, Node link) {
        const Node device = table({{"id", text("meter-1")},
                                   {"personality", text("http.ingest")},
                                   {"interval", text("20 ms")},
                                   {"link", std::move(link)},
                                   {"point", table({{"p", table({{"signal", whole(1)}})}})}});
        std::vector<Fault> faults;
        Scenario scenario = parse_scenario(
            table({{"name", text("x")}, {"duration", text("100 ms")}, {"device", list({device})}}),
            {}, faults);
        check_links(scenario, faults);
        for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
        auto file = Ledger::open(folder.path() / "ledger.jsonl");
        World world(std::move(scenario));
        Engine engine(world, {.place = {{}, folder.path(), gateway.url, "secret"}, .settle = 20s},
                      *file);
        result = engine.run();
        REQUIRE(result);
        ledger = read_file(folder.path() / "ledger.jsonl").value();
    }
};

TEST_CASE("http.ingest: posts with its token, waits for the answer, notes it in the ledger") {
    Gateway gateway({200});
    const Run run(gateway, table({}));
    CHECK(run.result->counts.sent == 5);
    CHECK(run.result->counts.acked == 5);
    const auto requests = gateway.requests();
    REQUIRE(requests.size() == 5);
    CHECK(requests[0].target == "/api/v1/ingest/meter-1?ack=commit");
    CHECK(requests[0].header("authorization") == "Bearer secret");
    CHECK(requests[0].body.find("\"msg\":{\"id\":") == 1);
    CHECK(run.ledger.find("\"k\":\"acked\"") != std::string::npos);
}

TEST_CASE("http.ingest: what is not answered with 2xx is sent again, the same bytes first") {
    Gateway gateway({503, 0, 200});
    const Run run(gateway, table({{"batch", whole(10)}}));
    CHECK(run.result->counts.acked == 5);
    CHECK(run.result->counts.sent == 5);
    CHECK(run.result->counts.resent >= 2);
    CHECK(run.result->waiting == 0);
    const auto requests = gateway.requests();
    REQUIRE(requests.size() >= 3);
    // The first report leads every attempt, unchanged.
    const std::string first = requests[0].body.substr(0, requests[0].body.find('}') + 1);
    CHECK(requests[1].body.find(first) != std::string::npos);
    CHECK(requests[2].body.find(first) != std::string::npos);
    CHECK(run.ledger.find("\"k\":\"resent\"") != std::string::npos);
}

TEST_CASE("http.ingest: what the gateway calls wrong is given up and named") {
    Gateway gateway({422, 200});
    const Run run(gateway, table({}));
    CHECK(run.result->counts.acked == 4);
    CHECK(run.result->waiting == 0);
    CHECK(run.ledger.find("\"refused\"") != std::string::npos);
}

}  // namespace
}  // namespace fog::sim
