// What holds for every dialect built in, whatever it recognises.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "drivers/dialect.hpp"
#include "drivers/mqtt/dialects/recognizer.hpp"
#include "firmware/core/text.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/dialect_cases.hpp"

using namespace fog;

namespace {

std::filesystem::path folder_of(std::string_view dialect) {
    return std::filesystem::path(FOG_SOURCE_DIR) / "drivers/mqtt/dialects" / dialect;
}

std::vector<std::filesystem::path> cases_of(std::string_view dialect) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(dialect) / "cases"))
        if (entry.path().extension() == ".jsonl") out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<CaseMessage> all_messages() {
    std::vector<CaseMessage> out;
    for (const auto* info : all_dialects())
        for (const auto& file : cases_of(info->name))
            for (auto& message : read_case(file)) out.push_back(std::move(message));
    return out;
}

Message view(const CaseMessage& one) {
    return {one.topic, as_bytes(one.payload), one.retained, one.received};
}

/// Everything the registry relies on.
void check_sane(const Collected& got) {
    const Limits limits;
    CHECK(got.readings.size() <= limits.samples_per_message);
    for (const auto& reading : got.readings) {
        CHECK(reading.device_key.find(':') != std::string::npos);
        CHECK(valid_utf8(reading.device_key));
        CHECK(point_slug(reading.point) == reading.point);
        CHECK(valid_utf8(reading.unit));
        if (const auto* text = std::get_if<std::string>(&reading.value)) {
            CHECK(text->size() <= limits.string_value_bytes);
            CHECK(valid_utf8(*text));
        }
        if (is_null(reading.value)) CHECK(reading.quality.cls() == QualityClass::bad);
    }
}

}  // namespace

TEST_CASE("dialects: each declares itself and documents itself") {
    CHECK(all_dialects().size() >= 2);
    for (const auto* info : all_dialects()) {
        CAPTURE(info->name);
        CHECK_FALSE(info->summary.empty());
        CHECK(nlohmann::json::accept(info->schema));
        CHECK(std::filesystem::exists(folder_of(info->name) / "README.md"));
        CHECK(cases_of(info->name).size() >= 3);
        CHECK(info->make(Limits{}) != nullptr);
    }
}

TEST_CASE("dialects: recorded messages give the readings and reasons of the golden files") {
    const bool update = std::getenv("FOG_UPDATE_GOLDEN") != nullptr;
    for (const auto* info : all_dialects()) {
        for (const auto& file : cases_of(info->name)) {
            CAPTURE(file.string());
            Recognizer recognizer{Limits{}};
            Collected got;
            for (const auto& message : read_case(file)) recognizer.decode(view(message), got);
            const auto expected = std::filesystem::path(file).replace_extension(".expect.json");
            const auto json = collected_json(got);
            if (update) std::ofstream(expected) << json.dump(1) << "\n";
            std::ifstream in(expected);
            REQUIRE(in.good());
            CHECK(nlohmann::ordered_json::parse(in) == json);
        }
    }
}

TEST_CASE("dialects: nobody claims another one's normal messages as high as it does") {
    for (const auto* owner : all_dialects()) {
        const auto own = owner->make(Limits{});
        for (const auto& message : read_case(folder_of(owner->name) / "cases/normal.jsonl")) {
            const auto claim = own->claim(message.topic, as_bytes(message.payload)).claim;
            CAPTURE(message.payload);
            CHECK(claim != Claim::none);
            for (const auto* other : all_dialects()) {
                if (other == owner) continue;
                CHECK(other->make(Limits{})->claim(message.topic, as_bytes(message.payload)).claim <
                      claim);
            }
        }
    }
}

TEST_CASE("dialects: decoding is a function of the message, in any order") {
    auto messages = all_messages();
    for (const auto* info : all_dialects()) {
        const auto used = info->make(Limits{});
        for (int round = 0; round < 3; ++round) {
            std::shuffle(messages.begin(), messages.end(), std::mt19937(round));
            for (const auto& message : messages) {
                Collected a, b;
                used->decode(view(message), Context{}, a);
                info->make(Limits{})->decode(view(message), Context{}, b);
                CHECK(a.readings == b.readings);
                CHECK(a.raws == b.raws);
                check_sane(a);
            }
        }
    }
}

TEST_CASE("dialects: every truncation of every message gives readings or a reason") {
    for (const auto* info : all_dialects()) {
        const auto dialect = info->make(Limits{});
        for (auto message : all_messages()) {
            while (!message.payload.empty()) {
                message.payload.pop_back();
                Collected got;
                dialect->decode(view(message), Context{}, got);
                check_sane(got);
                CHECK(got.readings.size() + got.raws.size() > 0);
            }
        }
    }
}

TEST_CASE("dialects: a megabyte of random bytes does no harm") {
    std::mt19937 random(7);
    for (const auto* info : all_dialects()) {
        const auto dialect = info->make(Limits{});
        for (std::size_t done = 0; done < 1U << 20U;) {
            std::string bytes(1 + random() % 512, '\0');
            for (auto& c : bytes) c = static_cast<char>(random());
            if (random() % 2 == 0) bytes.front() = "{[\"1"[random() % 4];
            Collected got;
            (void)dialect->claim(bytes, as_bytes(bytes));
            dialect->decode({"a/b", as_bytes(bytes), false, WallTime{}}, Context{}, got);
            check_sane(got);
            done += bytes.size();
        }
    }
}
