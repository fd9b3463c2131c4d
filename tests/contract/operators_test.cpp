#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "firmware/config/json.hpp"
#include "tests/support/operator_bench.hpp"

// What every rule operator keeps to, found in the generated table.
namespace fog {
namespace {

struct Case {
    const OperatorInfo* info;
    std::string name;
    Node node;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const OperatorInfo* info : all_operators()) {
        const auto folder = std::filesystem::path(FOG_SOURCE_DIR) / "rules/operators" /
                            std::string(info->name) / "cases";
        std::vector<std::filesystem::path> files;
        for (const auto& file : std::filesystem::directory_iterator(folder))
            files.push_back(file.path());
        std::sort(files.begin(), files.end());
        REQUIRE_MESSAGE(!files.empty(), info->name << " has no cases");
        for (const auto& file : files) {
            std::stringstream text;
            text << std::ifstream(file).rdbuf();
            std::vector<Fault> faults;
            auto node = parse_json(text.str(), faults);
            REQUIRE_MESSAGE(node.has_value(), file.string());
            all.push_back({info, std::string(info->name) + "/" + file.filename().string(), *node});
        }
    }
    return all;
}

MonoTime at(double seconds) {
    return MonoTime{std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9))};
}

void push(OperatorBench& bench, const Node& row) {
    const Node& value = (*row.array())[1];
    const auto number = value.number();
    bench.push(at(*(*row.array())[0].number()), number ? Value{*number} : Value{},
               number ? Quality{} : Quality::bad(Reason::no_comms));
}

std::string verdict_text(const Verdict3& verdict) {
    static constexpr std::string_view kLevels[] = {"", "L", "LL", "H", "HH", "on"};
    std::string level(kLevels[static_cast<std::size_t>(verdict.level)]);
    if (verdict.truth == Truth::no) return "no";
    if (verdict.truth == Truth::yes) return level;
    return level.empty() ? "unknown" : "unknown " + level;
}

void check_condition(const Case& one) {
    OperatorBench bench(*one.info, *one.node.find("params"));
    const auto& in = *one.node.find("in")->array();
    const auto& out = *one.node.find("out")->array();
    REQUIRE(in.size() == out.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
        CAPTURE(i);
        push(bench, in[i]);
        CHECK(verdict_text(bench.verdict) == *(*out[i].array())[1].string());
    }
}

void check_stream(const Case& one) {
    OperatorBench bench(*one.info, *one.node.find("params"));
    for (const Node& row : *one.node.find("in")->array()) push(bench, row);
    const auto& out = *one.node.find("out")->array();
    REQUIRE(bench.emitted.size() == out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        CAPTURE(i);
        CHECK(bench.emitted[i].time == at(*(*out[i].array())[0].number()));
        const auto number = (*out[i].array())[1].number();
        CHECK(bench.emitted[i].known == number.has_value());
        if (number) CHECK(std::get<double>(bench.emitted[i].value) == *number);
    }
}

/// Random samples into `bench`, the same for the same seed; a text of everything it did.
std::string walk(OperatorBench& bench, unsigned seed, int from, int to, bool restarting) {
    std::string trace;
    std::mt19937 random(seed);
    for (int i = 0; i < to; ++i) {
        const double x = static_cast<double>(random() % 400) / 10 - 20;
        const bool bad = random() % 9 == 0;
        if (i < from) continue;
        bench.push(at(i * 7), bad ? Value{} : Value{x},
                   bad ? Quality::bad(Reason::timeout) : Quality{});
        trace += verdict_text(bench.verdict) + "/" + std::to_string(bench.emitted.size()) + " ";
        if (!restarting) continue;
        std::vector<std::byte> bytes;
        Packer packer(bytes);
        bench.op->save(packer);
        bench.op = bench.make();
        Unpacker reader(bytes);
        REQUIRE(bench.op->load(reader).has_value());
        REQUIRE(reader.empty());
    }
    return trace;
}

}  // namespace

TEST_CASE("operators: each golden case gives its output") {
    for (const Case& one : cases()) {
        CAPTURE(one.name);
        if (one.info->condition)
            check_condition(one);
        else
            check_stream(one);
    }
}

TEST_CASE("operators: a restart after every sample changes nothing") {
    for (const Case& one : cases()) {
        CAPTURE(one.name);
        for (unsigned seed = 1; seed <= 20; ++seed) {
            OperatorBench whole(*one.info, *one.node.find("params"));
            OperatorBench broken(*one.info, *one.node.find("params"));
            CHECK(walk(whole, seed, 0, 300, false) == walk(broken, seed, 0, 300, true));
        }
    }
}

TEST_CASE("operators: state stays within its declared size, and damaged state is never believed") {
    for (const Case& one : cases()) {
        CAPTURE(one.name);
        OperatorBench bench(*one.info, *one.node.find("params"));
        (void)walk(bench, 3, 0, 500, false);
        std::vector<std::byte> bytes;
        Packer packer(bytes);
        bench.op->save(packer);
        CHECK(bytes.size() <= one.info->state_bytes);
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
            auto op = bench.make();
            Unpacker reader(std::span<const std::byte>(bytes.data(), cut));
            CHECK(!op->load(reader).has_value());
        }
    }
}

TEST_CASE("operators: an unknown parameter is refused with its nearest name") {
    for (const Case& one : cases()) {
        CAPTURE(one.name);
        Node params = *one.node.find("params");
        params.set("no_such_key", Node{true});
        CHECK(!OperatorBench(*one.info, params).faults.empty());
    }
}

TEST_CASE("operators: each has a name, a summary and a schema") {
    CHECK(all_operators().size() >= 2);
    for (const OperatorInfo* info : all_operators()) {
        CHECK(!info->summary.empty());
        std::vector<Fault> faults;
        CHECK(parse_json(info->schema, faults).has_value());
    }
}

}  // namespace fog
