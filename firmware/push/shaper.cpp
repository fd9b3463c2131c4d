#include "firmware/push/shaper.hpp"

#include <algorithm>

namespace fog {

namespace {

constexpr std::size_t kBatchMost = 512;  // without conflation; then it is sent early

}  // namespace

bool NewestPerSeries::put(const FramePtr& frame, std::uint32_t n, std::uint64_t low) {
    const auto [found, made] = merged_.try_emplace(frame->series(), Merged{frame, n, low});
    if (made) {
        order_.emplace(low, frame->series());
        return false;
    }
    found->second.frame = frame;
    found->second.n += n;
    return true;
}

std::optional<Merged> NewestPerSeries::take(std::uint32_t series) {
    const auto found = merged_.find(series);
    if (found == merged_.end()) return std::nullopt;
    Merged out = std::move(found->second);
    order_.erase({out.low, series});
    merged_.erase(found);
    return out;
}

std::optional<Merged> NewestPerSeries::take_oldest() {
    if (order_.empty()) return std::nullopt;
    return take(order_.begin()->second);
}

std::optional<std::uint64_t> NewestPerSeries::lowest() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
}

void NewestPerSeries::clear() {
    merged_.clear();
    order_.clear();
}

bool Shaper::offer(const FramePtr& frame, MonoTime now, bool& replaced) {
    replaced = false;
    if (!conflate_) {
        if (batch_.empty()) batch_due_ = now + interval_;
        batch_.push_back(frame);
        if (batch_.size() >= kBatchMost) batch_due_ = now;
        return false;
    }
    const auto [last, first] = last_.try_emplace(frame->series(), now);
    if (first) return true;
    if (now - last->second >= interval_ && !held_.has(frame->series())) {
        last->second = now;
        return true;
    }
    replaced = held_.put(frame, 1, frame->seq().value);
    return false;
}

void Shaper::release(MonoTime now, const std::function<void(const Merged&)>& send) {
    if (!batch_.empty() && now >= batch_due_) {
        for (const auto& frame : batch_) send({frame, 1, frame->seq().value});
        batch_.clear();
    }
    std::vector<Merged> due;
    for (auto it = last_.begin(); it != last_.end();) {
        if (now - it->second < interval_) {
            ++it;
            continue;
        }
        if (auto merged = held_.take(it->first)) {
            due.push_back(std::move(*merged));
            it->second = now;
            ++it;
        } else {
            it = last_.erase(it);  // silent for an interval: its next sample goes at once
        }
    }
    std::sort(due.begin(), due.end(),
              [](const Merged& a, const Merged& b) { return a.frame->seq() < b.frame->seq(); });
    for (const auto& merged : due) send(merged);
}

std::optional<MonoTime> Shaper::due() const {
    if (!batch_.empty()) return batch_due_;
    if (held_.empty()) return std::nullopt;
    MonoTime soonest = MonoTime::max();
    for (const auto& [series, last] : last_) soonest = std::min(soonest, last + interval_);
    return soonest;
}

std::optional<std::uint64_t> Shaper::lowest() const {
    if (!batch_.empty()) return batch_.front()->seq().value;
    return held_.lowest();
}

void Shaper::clear() {
    held_.clear();
    last_.clear();
    batch_.clear();
}

}  // namespace fog
