#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace fog {

/// Whether a device can be believed to be there. Data decide, everything else is a hint.
enum class Presence : std::uint8_t { unknown, online, stale, silent, degraded };
std::string_view to_text(Presence presence);  // "online"

/// What one knows of a device when it is judged; seconds.
struct PresenceFacts {
    double age = -1;       // since its last data; < 0 = none since the machine started
    double up = 0;         // since the gateway started
    double interval = 0;   // it usually says something every so many; 0 = not known
    double bad_share = 0;  // of its values, over the last minutes
    const std::string* link_fault = nullptr;  // its link is down, in words
    bool broker = false;                      // the link is shared by many devices
};
Presence judge(const PresenceFacts& facts);
/// For people: "usually every 5 s, 12 min ago".
std::string reason_of(Presence presence, const PresenceFacts& facts);
/// "3 s", "12 min", "5 h", "3 d": whole numbers.
std::string spoken(double seconds);

/// The usual time between messages: the median of the last gaps, at least a second.
class Rhythm {
public:
    void add(double gap_seconds);
    /// 0 until enough gaps are known. Worked out on demand: adding is the hot path.
    double interval_s();

private:
    static constexpr std::uint8_t kLeast = 5;
    std::array<float, 20> gaps_{};
    float median_ = 0;
    std::uint8_t count_ = 0;
    std::uint8_t at_ = 0;
    bool fresh_ = false;
};

/// How many of the values were bad, over five minutes in two halves.
class BadShare {
public:
    void add(bool bad) {
        now_.all += now_.all < UINT16_MAX ? 1U : 0U;
        now_.bad += bad && now_.bad < UINT16_MAX ? 1U : 0U;
    }
    /// 0 with fewer than 10 values. `second`: any clock that only grows.
    double share(std::uint32_t second);

private:
    struct Half {
        std::uint16_t all = 0;
        std::uint16_t bad = 0;
    };
    Half now_, before_;
    std::uint32_t turned_ = 0;
};

/// The last values of a point for a sparkline, one a second at most. 248 bytes.
class Spark {
public:
    static constexpr std::size_t kValues = 60;
    /// NaN = no value. A second one within the same second replaces the first.
    void add(float value, std::uint32_t second);
    std::size_t size() const { return size_; }
    float operator[](std::size_t oldest_first) const {
        return values_[(at_ + kValues - size_ + oldest_first) % kValues];
    }

private:
    std::array<float, kValues> values_{};
    std::uint32_t second_ = 0;
    std::uint8_t at_ = 0;  // where the next one goes
    std::uint8_t size_ = 0;
};

}  // namespace fog
