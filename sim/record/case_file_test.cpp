#include "sim/record/case_file.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "firmware/io/files.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

json head() {
    return {{"k", "case"}, {"version", 1}, {"gateway", "gw-1"}, {"judged_s", 1.5}};
}
json sample(std::uint64_t seq, std::int64_t mono, json value = 1.5) {
    return {{"k", "record"},         {"seq", seq},   {"boot", 1},
            {"mono", mono},          {"dev", "f-1"}, {"pt", "temp"},
            {"v", std::move(value)}, {"u", "Cel"}};
}

/// A recording of these lines, as bytes.
std::string bytes_of(const std::vector<json>& lines, const CaseLimits& limits = {}) {
    const TempFolder folder;
    const auto file = folder.path() / "case.fog";
    auto writer = CaseWriter::open(file, limits);
    REQUIRE(writer);
    for (const json& line : lines) REQUIRE(writer->line(line));
    REQUIRE(writer->finish());
    return read_file(file).value();
}

std::string what(const Result<Case>& read) {
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().hint.empty());
    return read.error().what;
}

bool has(const std::string& text, std::string_view words) {
    return text.find(words) != std::string::npos;
}

TEST_CASE("case file: what was written is read back") {
    json bad = sample(9, 1'500'000'000, nullptr);
    bad["q"] = "bad.sensor-failure";
    bad["flags"] = 4;
    bad["src"] = 1'795'279'200'000'000'000;
    json whole = sample(10, 1'600'000'000, 5);
    whole["int"] = true;
    const json alarm = {{"k", "record"},
                        {"seq", 11},
                        {"boot", 1},
                        {"mono", 1'700'000'000},
                        {"dev", "f-1"},
                        {"ev", "alarm"},
                        {"ch", "alarms/f-1/warm"},
                        {"d",
                         {{"alarm", "f-1/warm"},
                          {"change", "raised"},
                          {"state", "active-unack"},
                          {"rule", "warm"},
                          {"version", 3}}}};
    const auto read = read_case(bytes_of(
        {head(),
         {{"k", "boot"}, {"boot", 1}, {"mono", 0}, {"utc", 1'000'000'000'000}, {"trusted", true}},
         {{"k", "rule"}, {"id", "warm"}, {"version", 3}, {"active", true}, {"rule", {{"a", 1}}}},
         {{"k", "alarm"}, {"alarm", "f-2/warm"}, {"state", "active-acked"}},
         {{"k", "missing"}, {"records", 7}},
         {{"k", "of a later version"}},
         sample(8, 1'000'000'000),
         bad,
         whole,
         alarm}));
    REQUIRE_MESSAGE(read, read.error().what);
    CHECK(read->gateway == "gw-1");
    CHECK(read->judged_s == 1.5);
    CHECK(read->boots.size() == 1);
    REQUIRE(read->rules.size() == 1);
    CHECK(read->rules[0].json == "{\"a\":1}");
    CHECK(read->standing.size() == 1);
    CHECK(read->missing == 7);
    REQUIRE(read->entries.size() == 4);
    REQUIRE(read->points.size() == 1);
    CHECK(read->points[0].unit == "Cel");
    CHECK(read->entries[0].sample()->value == Value{1.5});
    CHECK(is_null(read->entries[1].sample()->value));
    CHECK(read->entries[1].sample()->quality == Quality::bad(Reason::sensor_failure));
    CHECK(read->entries[1].sample()->flags == 4);
    CHECK(read->entries[2].sample()->value == Value{std::int64_t{5}});
    CHECK(read->entries[3].event()->rule_version == 3);
    const CaseTime time(*read);
    CHECK(time.at({1}, MonoTime{1'500ms}) == 500ms);
    CHECK(time.end() == 700ms);
}

TEST_CASE("case file: a recording that goes over a restart keeps the time in between") {
    std::vector<json> lines = {head()};
    for (const auto& [boot, utc] :
         {std::pair{1, 1'000'000'000'000}, std::pair{2, 1'060'000'000'000}})
        lines.push_back(
            {{"k", "boot"}, {"boot", boot}, {"mono", 0}, {"utc", utc}, {"trusted", true}});
    lines.push_back(sample(1, 5'000'000'000));
    lines.push_back(sample(2, 1'000'000'000));
    lines.back()["boot"] = 2;
    const auto read = read_case(bytes_of(lines));
    REQUIRE(read);
    CHECK(CaseTime(*read).end() == 56s);
}

TEST_CASE("case file: what is cut anywhere says that it was cut or damaged, and what to do") {
    std::vector<json> lines = {head()};
    for (std::uint64_t i = 1; i < 200; ++i)
        lines.push_back(sample(i, static_cast<std::int64_t>(i)));
    const std::string whole = bytes_of(lines);
    REQUIRE(read_case(whole));
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        CAPTURE(size);
        const std::string words = what(read_case(std::string_view(whole).substr(0, size)));
        CHECK((has(words, "was cut") || has(words, "is no recording")));
    }
    CHECK(has(what(read_case(whole + "x")), "behind its end"));
}

TEST_CASE("case file: one flipped bit anywhere is found") {
    std::vector<json> lines = {head()};
    for (std::uint64_t i = 1; i < 50; ++i)
        lines.push_back(sample(i, static_cast<std::int64_t>(i * i)));
    const std::string whole = bytes_of(lines);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string hurt = whole;
        hurt[at] = static_cast<char>(hurt[at] ^ 4);
        CAPTURE(at);
        // Bits that say nothing (reserved, of the window) may change nothing.
        const auto read = read_case(hurt);
        if (read) CHECK(read->entries.size() == 49);
        if (!read) CHECK_FALSE(read.error().hint.empty());
    }
}

TEST_CASE("case file: too much, of another version, and no recording are told apart") {
    std::vector<json> lines = {head(), sample(1, 1), sample(2, 2)};
    const std::string bytes = bytes_of(lines);
    CaseLimits small;
    small.file_bytes = 10;
    CHECK(has(what(read_case(bytes, small)), "is larger than"));
    small = {};
    small.text_bytes = 50;
    CHECK(has(what(read_case(bytes, small)), "MiB of text"));
    small = {};
    small.records = 1;
    CHECK(has(what(read_case(bytes, small)), "1 records"));
    CHECK(has(what(read_case("PK\x03\x04")), "is no recording"));
    lines[0]["version"] = 2;
    CHECK(has(what(read_case(bytes_of(lines))), "version 2"));
    CHECK(has(what(read_case(bytes_of({{{"k", "other"}}}))), "first line"));
    CHECK(has(what(read_case(bytes_of({head(), sample(2, 1), sample(1, 2)}))), "order of the log"));
    CHECK(has(what(read_case(bytes_of({head(), sample(1, -1)}))), "time that cannot be"));
    const TempFolder folder;
    auto writer = CaseWriter::open(folder.path() / "big.fog", {1U << 20U, 1U << 20U, 2, 1, 1});
    REQUIRE(writer);
    CHECK(writer->line(head()));
    CHECK(writer->line(sample(1, 1)));
    CHECK_FALSE(writer->line(sample(2, 2)));
    CHECK_FALSE(CaseWriter::open("/no/such/folder/x.fog"));
}

TEST_CASE("case file: lines that were changed by hand do not fit their sum") {
    const TempFolder folder;
    const auto file = folder.path() / "case.fog";
    auto zstd = ZstdFile::open(file);
    REQUIRE(zstd);
    REQUIRE(zstd->add(head().dump() + "\n" + R"({"k":"end","lines":1,"crc":"00000000"})" + "\n"));
    REQUIRE(zstd->finish());
    CHECK(has(what(load_case(file)), "does not fit"));
    CHECK(has(what(load_case(file)), "case.fog"));
}

}  // namespace
}  // namespace fog::sim
