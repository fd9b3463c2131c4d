#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"

namespace fog::sim {

/// One of few different texts (names, states), kept once and compared as a number: the checker
/// holds millions of them. Thread: that which made it; what was made is kept as long as the thread.
class Word {
public:
    Word() = default;
    explicit Word(std::string_view text);
    Word& operator=(std::string_view text) { return *this = Word(text); }

    const std::string& text() const;
    operator std::string_view() const { return text(); }
    bool empty() const { return index_ == 0; }

    friend bool operator==(Word a, Word b) { return a.index_ == b.index_; }
    friend bool operator==(Word a, std::string_view b) { return a.text() == b; }
    auto operator<=>(const Word&) const = default;

private:
    std::uint32_t index_ = 0;  // 0 = ""
};

/// A time as a record has it: the text is what counts, but only an unusual one is kept as text.
class Moment {
public:
    Moment() = default;
    explicit Moment(std::string_view text);
    Moment& operator=(std::string_view text) { return *this = Moment(text); }

    std::string text() const;
    /// Nothing if it is no RFC 3339 time.
    std::optional<WallTime> wall() const;
    bool empty() const { return !usual_ && other_.empty(); }
    auto operator<=>(const Moment&) const = default;

private:
    std::int64_t ns_ = 0;
    Word other_;
    bool usual_ = false;  // the text is to_rfc3339() of `ns_`
};

}  // namespace fog::sim
