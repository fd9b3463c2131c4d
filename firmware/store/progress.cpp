#include "firmware/store/progress.hpp"

#include <algorithm>

namespace fog {

bool Progress::done(Seq seq) const {
    if (seq <= cursor_) return true;
    const auto range = std::lower_bound(ranges_.begin(), ranges_.end(), seq,
                                        [](const Range& r, Seq s) { return r.to < s; });
    return range != ranges_.end() && range->from < seq;
}

bool Progress::covers(Seq from, Seq to) const {
    if (to <= cursor_) return true;
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [&](const Range& r) { return r.from <= from && to <= r.to; });
}

bool Progress::add(Seq from, Seq to, std::size_t most) {
    if (to <= from || to <= cursor_) return true;
    if (from <= cursor_) {
        cursor_ = to;
        absorb();
        return true;
    }
    // The ranges that overlap or touch (from, to] become one with it.
    const auto first = std::lower_bound(ranges_.begin(), ranges_.end(), from,
                                        [](const Range& r, Seq s) { return r.to < s; });
    auto last = first;
    for (; last != ranges_.end() && last->from <= to; ++last) {
        from = std::min(from, last->from);
        to = std::max(to, last->to);
    }
    if (first == last) {
        if (ranges_.size() >= most) return false;
        ranges_.insert(first, Range{from, to});
        return true;
    }
    *first = Range{from, to};
    ranges_.erase(first + 1, last);
    return true;
}

void Progress::absorb() {
    auto range = ranges_.begin();
    for (; range != ranges_.end() && range->from <= cursor_; ++range)
        cursor_ = std::max(cursor_, range->to);
    ranges_.erase(ranges_.begin(), range);
}

bool Progress::reopen(Seq seq, std::size_t most) {
    const Seq before{seq.value - 1};
    if (!done(seq)) return true;
    if (seq <= cursor_) {
        if (seq < cursor_) {
            if (ranges_.size() >= most) return false;
            ranges_.insert(ranges_.begin(), Range{seq, cursor_});
        }
        cursor_ = before;
        return true;
    }
    auto range = std::lower_bound(ranges_.begin(), ranges_.end(), seq,
                                  [](const Range& r, Seq s) { return r.to < s; });
    const Range whole = *range;
    const bool low = whole.from < before, high = seq < whole.to;
    if (low && high && ranges_.size() >= most) return false;
    range = ranges_.erase(range);
    if (high) range = ranges_.insert(range, Range{seq, whole.to});
    if (low) ranges_.insert(range, Range{whole.from, before});
    return true;
}

}  // namespace fog
