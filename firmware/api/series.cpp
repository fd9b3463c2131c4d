#include "firmware/api/series.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kGapsMost = 1'000;
constexpr std::string_view kNoData = "no data";
constexpr double kExactFrom = 1e6;  // larger numbers are often counters
constexpr int kDigits = 7;

void append_rounded(std::string& out, double value) {
    std::array<char, 40> text{};
    if (std::abs(value) >= kExactFrom) return append_double(out, value);
    const auto end =
        std::to_chars(text.begin(), text.end(), value, std::chars_format::general, kDigits).ptr;
    const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
    append_double(out, parse_double(digits).value_or(value));
}

template <class List, class Write>
void append_list(std::string& out, std::string_view name, const List& list, Write write) {
    out.append(",\"").append(name).append("\":[");
    bool first = true;
    for (const auto& one : list) {
        if (!first) out += ',';
        first = false;
        write(one);
    }
    out += ']';
}

}  // namespace

Series::Series(Frame frame) : frame_(frame) {
    buckets_.resize(frame_.points);
    plain_.reserve(frame_.points);
}

void Series::add(std::int64_t at, double value) {
    if (at < frame_.from || at > frame_.to) return;
    if (missing_since_ && at >= *missing_since_) {
        note_gap(*missing_since_, at, missing_reason_);
        missing_since_.reset();
        last_ = at;
    }
    arrived(at);
    ++count_;
    if (plain_.size() < frame_.points)
        plain_.push_back({at, value});
    else
        reduced_ = true;
    const auto width = std::max<std::int64_t>(1, frame_.to - frame_.from);
    const auto index = std::min<std::size_t>(
        static_cast<std::size_t>(static_cast<double>(at - frame_.from) /
                                 static_cast<double>(width) * static_cast<double>(frame_.points)),
        frame_.points - 1);
    Bucket& bucket = buckets_[index];
    bucket.low = bucket.count == 0 ? value : std::min(bucket.low, value);
    bucket.high = bucket.count == 0 ? value : std::max(bucket.high, value);
    bucket.first = bucket.count == 0 ? at : std::min(bucket.first, at);
    bucket.last = bucket.count == 0 ? at : std::max(bucket.last, at);
    bucket.sum += value;
    ++bucket.count;
}

void Series::add_missing(std::int64_t at, std::string_view reason) {
    if (at < frame_.from || at > frame_.to || (last_ && at < *last_)) return;
    if (!missing_since_) {
        arrived(at);
        missing_since_ = at;
        missing_reason_ = reason;
    }
    last_ = at;
}

void Series::add_gap(std::int64_t from, std::int64_t to, std::string_view reason) {
    const std::size_t before = gaps_.size();
    note_gap(std::max(from, frame_.from), std::min(to, frame_.to), reason);
    if (gaps_.size() > before) gaps_.back().late = true;
    last_ = std::max(last_.value_or(frame_.from), to);
}

void Series::arrived(std::int64_t at) {
    const std::int64_t before = last_.value_or(frame_.from);
    if (at < before) return fill(at);
    if (frame_.longest > 0 && at - before > frame_.longest) note_gap(before, at, kNoData);
    last_ = at;
}

void Series::note_gap(std::int64_t from, std::int64_t to, std::string_view reason) {
    if (to <= from) return;
    if (!gaps_.empty() && gaps_.back().to == from && gaps_.back().reason == reason &&
        reason != kNoData) {
        gaps_.back().to = to;
        return;
    }
    if (gaps_.size() >= kGapsMost) {  // so many that the rest is one
        gaps_.back().to = to;
        return;
    }
    gaps_.push_back({from, to, std::string(reason), reason == kNoData});
}

/// A late sample: the gap it falls into becomes two, or what is left of it.
void Series::fill(std::int64_t at) {
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
        if (at <= gap->from || at >= gap->to || !gap->late) continue;
        const Gap right{at, gap->to, std::string(kNoData), true};  // after a value it is a silence
        gap->to = at;
        const bool keep_left = gap->to - gap->from > frame_.longest;
        const bool keep_right = right.to - right.from > frame_.longest && gaps_.size() < kGapsMost;
        if (keep_left && keep_right)
            gaps_.insert(gap + 1, right);
        else if (keep_right)
            *gap = right;
        else if (!keep_left)
            gaps_.erase(gap);
        return;
    }
}

void Series::write(std::string& out) {
    const auto end = std::min(frame_.to, frame_.now);
    if (missing_since_) {
        note_gap(*missing_since_, end, missing_reason_);
        missing_since_.reset();
    } else if (frame_.longest > 0 && end - last_.value_or(frame_.from) > frame_.longest) {
        note_gap(last_.value_or(frame_.from), end, kNoData);
    }
    out += "\"reduced\":";
    out += reduced_ ? "true" : "false";
    out += ",\"count\":";
    append_uint(out, count_);
    if (!reduced_) {
        std::ranges::stable_sort(plain_, {}, &Plain::at);
        append_list(out, "t", plain_, [&out](const Plain& one) { append_int(out, one.at); });
        append_list(out, "v", plain_, [&out](const Plain& one) { append_rounded(out, one.value); });
        out += ",\"min\":[],\"max\":[]";
    } else {
        std::erase_if(buckets_, [](const Bucket& one) { return one.count == 0; });
        append_list(out, "t", buckets_, [&out](const Bucket& one) {
            append_int(out, one.first + (one.last - one.first) / 2);
        });
        append_list(out, "v", buckets_,
                    [&out](const Bucket& one) { append_rounded(out, one.sum / one.count); });
        append_list(out, "min", buckets_,
                    [&out](const Bucket& one) { append_rounded(out, one.low); });
        append_list(out, "max", buckets_,
                    [&out](const Bucket& one) { append_rounded(out, one.high); });
    }
    std::ranges::stable_sort(gaps_, {}, &Gap::from);
    append_list(out, "gaps", gaps_, [&out](const Gap& gap) {
        out += '[';
        append_int(out, gap.from);
        out += ',';
        append_int(out, gap.to);
        out += ',';
        append_json_string(out, gap.reason);
        out += ']';
    });
}

}  // namespace fog
