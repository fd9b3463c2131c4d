#pragma once

#include <string>
#include <utility>
#include <vector>

#include "firmware/core/reading.hpp"

namespace fog {

/// Keeps what a codec or dialect emitted.
struct Collected final : Emit {
    std::vector<Reading> readings;
    std::vector<std::pair<std::string, std::string>> raws;  // bytes, why
    std::vector<std::string> left;                          // what was left out
    void reading(Reading one) override { readings.push_back(std::move(one)); }
    void raw(std::span<const std::byte> bytes, std::string_view why) override {
        raws.emplace_back(as_text(bytes), why);
    }
    void left_out(std::string_view what) override { left.emplace_back(what); }
};

}  // namespace fog
