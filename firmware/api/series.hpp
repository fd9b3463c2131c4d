#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fog {

/// Makes the columns of a chart out of samples: as they are while they fit, else the mean with
/// minimum and maximum of equal stretches of time; gaps where nothing came for too long or a value
/// was missing. Pure; memory bounded by `points` and 1,000 gaps. Times are ms since the epoch.
class Series {
public:
    struct Frame {
        std::int64_t from = 0;
        std::int64_t to = 0;
        std::size_t points = 500;  // most in the answer
        std::int64_t longest = 0;  // ms without a sample that are no gap yet; 0 = nothing is
        std::int64_t now = 0;      // no gap lies in the future
    };
    explicit Series(Frame frame);

    /// Samples roughly in order; late ones fill gaps. Outside of the frame: ignored.
    void add(std::int64_t at, double value);
    /// No value, for this reason.
    void add_missing(std::int64_t at, std::string_view reason);
    /// Nothing is known of this stretch.
    void add_gap(std::int64_t from, std::int64_t to, std::string_view reason);

    std::uint64_t count() const { return count_; }
    /// `"reduced":…,"count":…,"t":[…],"v":[…],"min":[…],"max":[…],"gaps":[…]`
    void write(std::string& out);

private:
    struct Bucket {
        std::uint32_t count = 0;
        double sum = 0, low = 0, high = 0;
        std::int64_t first = 0, last = 0;
    };
    struct Plain {
        std::int64_t at = 0;
        double value = 0;
    };
    struct Gap {  // one with `late` may be filled by late samples
        std::int64_t from = 0;
        std::int64_t to = 0;
        std::string reason;
        bool late = false;
    };
    void arrived(std::int64_t at);
    void note_gap(std::int64_t from, std::int64_t to, std::string_view reason);
    void fill(std::int64_t at);

    const Frame frame_;
    std::vector<Bucket> buckets_;
    std::vector<Plain> plain_;  // until there are too many
    std::vector<Gap> gaps_;
    std::optional<std::int64_t> last_;           // newest sample, with or without a value
    std::optional<std::int64_t> missing_since_;  // the newest one has no value
    std::string missing_reason_;
    std::uint64_t count_ = 0;
    bool reduced_ = false;
};

}  // namespace fog
