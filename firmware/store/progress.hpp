#pragma once

#include <cstddef>
#include <vector>

#include "firmware/core/ids.hpp"

namespace fog {

/// What of one lane a sink is done with: everything up to the cursor, and ranges above it where
/// outcomes came out of order. A plain value.
class Progress {
public:
    struct Range {
        Seq from;  // exclusive
        Seq to;    // inclusive
        bool operator==(const Range&) const = default;
    };
    static constexpr std::size_t kRanges = 16;  // as many are durable

    Progress() = default;
    Progress(Seq cursor, std::vector<Range> ranges) : cursor_(cursor), ranges_(std::move(ranges)) {}

    Seq cursor() const { return cursor_; }
    const std::vector<Range>& ranges() const { return ranges_; }
    bool done(Seq seq) const;
    /// Whether everything after `from` up to `to` is done.
    bool covers(Seq from, Seq to) const;

    /// Nothing is owed after `from` up to `to` any more. With `most` ranges kept already, a range
    /// that touches none of them is not taken: false.
    bool add(Seq from, Seq to, std::size_t most = SIZE_MAX);
    /// `seq` is owed again; false if that would need more than `most` ranges.
    bool reopen(Seq seq, std::size_t most = SIZE_MAX);
    bool operator==(const Progress&) const = default;

private:
    void absorb();
    Seq cursor_;
    std::vector<Range> ranges_;  // ascending, neither touching each other nor the cursor
};

}  // namespace fog
