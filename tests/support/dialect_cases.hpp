#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/core/value.hpp"
#include "tests/support/collected.hpp"

namespace fog {

/// One line of a cases/*.jsonl file.
struct CaseMessage {
    std::string topic, payload;
    bool retained = false;
    WallTime received;
};

inline std::string decode_base64(const std::string& text) {
    static const std::string kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int have = 0;
    for (const char c : text) {
        const auto digit = kAlphabet.find(c);
        if (digit == std::string::npos) continue;  // padding
        bits = (bits << 6U) | static_cast<unsigned>(digit);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out += static_cast<char>((bits >> static_cast<unsigned>(have)) & 0xFFU);
    }
    return out;
}

inline std::vector<CaseMessage> read_case(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::vector<CaseMessage> out;
    for (std::string line; std::getline(in, line);) {
        if (line.empty()) continue;
        const auto json = nlohmann::json::parse(line);
        out.push_back({json.at("topic"),
                       json.contains("payload_b64") ? decode_base64(json.at("payload_b64"))
                                                    : json.at("payload").get<std::string>(),
                       json.at("retain"),
                       WallTime{std::chrono::milliseconds{json.at("t").get<std::int64_t>()}}});
    }
    if (out.empty()) throw std::runtime_error(file.string() + ": no messages");
    return out;
}

inline nlohmann::ordered_json value_json(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (const auto* truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return nullptr;
}

/// What golden files keep of a reading; members at their default are left out.
inline nlohmann::ordered_json reading_json(const Reading& reading) {
    nlohmann::ordered_json out;
    out["device"] = reading.device_key;
    out["point"] = reading.point;
    out["value"] = value_json(reading.value);
    if (!reading.unit.empty()) out["unit"] = reading.unit;
    if (reading.unit_guessed) out["guessed"] = true;
    if (!reading.quality.is_good()) out["quality"] = to_text(reading.quality);
    if (reading.source_time != WallTime{}) out["time"] = to_rfc3339(reading.source_time);
    if (reading.flags != 0) out["flags"] = reading.flags;
    if (reading.diagnostic) out["diagnostic"] = true;
    return out;
}

inline nlohmann::ordered_json collected_json(const Collected& got) {
    nlohmann::ordered_json out;
    out["readings"] = nlohmann::ordered_json::array();
    for (const auto& reading : got.readings) out["readings"].push_back(reading_json(reading));
    out["raw"] = nlohmann::ordered_json::array();
    for (const auto& [bytes, why] : got.raws) out["raw"].push_back(why);
    if (!got.left.empty()) out["left_out"] = got.left;
    return out;
}

}  // namespace fog
