#pragma once

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "firmware/core/log_access.hpp"

namespace fog {

/// A SinkLog in memory, with the exact ledger of the contract. With a FakeClock wait() moves that
/// clock instead of waiting, so that a pump runs through hours in no time. Any thread.
class MemorySinkLog final : public SinkLog {
public:
    explicit MemorySinkLog(FakeClock* clock = nullptr) : clock_(clock) {}

    /// Commits a record that the sink owes; its number.
    Seq append(Record record) {
        const std::lock_guard lock(mutex_);
        record.seq = Seq{++head_};
        LaneLedger& lane = lane_of(record.lane);
        ++lane.accepted;
        ++lane.waiting;
        lane.waiting_bytes += kBytes;
        owed_.emplace(record.seq.value, Entry{record, false});
        changed_.notify_all();
        return Seq{head_};
    }
    /// Takes a record away from the sink, as eviction does.
    void evict(Seq seq) {
        const std::lock_guard lock(mutex_);
        const auto found = owed_.find(seq.value);
        if (found == owed_.end()) return;
        LaneLedger& lane = lane_of(found->second.record.lane);
        ++lane.shed;
        drop(lane, found);
        evicted_[seq.value] = true;
    }
    /// A quarantined record is owed again.
    void resend(Seq seq) {
        const std::lock_guard lock(mutex_);
        const auto found = owed_.find(seq.value);
        if (found == owed_.end() || !std::exchange(found->second.dead, false)) return;
        --lane_of(found->second.record.lane).dead;
    }
    /// Makes owed() fail until called again with false.
    void fail_reads(bool fail) {
        const std::lock_guard lock(mutex_);
        fail_ = fail;
    }
    /// Settles of numbers that were never owed, or were settled before.
    std::uint64_t strange() const {
        const std::lock_guard lock(mutex_);
        return strange_;
    }
    std::vector<std::pair<Seq, std::string>> dead() const {
        const std::lock_guard lock(mutex_);
        return dead_;
    }

    Result<std::vector<Record>> owed(Lane lane, Seq after, std::size_t most) override {
        const std::lock_guard lock(mutex_);
        if (fail_) return Error{Errc::storage_error, "the disk is gone", {}};
        std::vector<Record> out;
        for (auto it = owed_.upper_bound(after.value); it != owed_.end() && out.size() < most; ++it)
            if (it->second.record.lane == lane && !it->second.dead)
                out.push_back(it->second.record);
        return out;
    }
    Seq cursor(Lane lane) override {
        const std::lock_guard lock(mutex_);
        for (const auto& [seq, entry] : owed_)
            if (entry.record.lane == lane && !entry.dead) return Seq{seq - 1};
        return Seq{head_};
    }
    Seq head() override {
        const std::lock_guard lock(mutex_);
        return Seq{head_};
    }
    void settle(std::vector<Settled> outcomes) override {
        const std::lock_guard lock(mutex_);
        for (const Settled& one : outcomes) {
            const auto found = owed_.find(one.seq.value);
            if (found == owed_.end() || found->second.dead) {
                if (evicted_.count(one.seq.value) == 0) ++strange_;
                continue;
            }
            if (found->second.record.lane != one.lane) ++strange_;
            LaneLedger& lane = lane_of(found->second.record.lane);
            if (one.refused) {
                found->second.dead = true;
                ++lane.dead;
                dead_.emplace_back(one.seq, one.reason);
                continue;
            }
            ++lane.acknowledged;
            drop(lane, found);
        }
        changed_.notify_all();
    }
    void wait(Seq seen, MonoTime until) override {
        std::unique_lock lock(mutex_);
        const auto news = [this, seen] {
            return head_ > seen.value || std::exchange(woken_, false);
        };
        if (clock_ == nullptr) {
            changed_.wait_until(lock, until, news);
            return;
        }
        if (!news() && clock_->mono() < until) clock_->advance(until - clock_->mono());
    }
    void wake() override {
        const std::lock_guard lock(mutex_);
        woken_ = true;
        changed_.notify_all();
    }
    SinkLedger ledger() override {
        const std::lock_guard lock(mutex_);
        return ledger_;
    }
    /// Sums over the lanes.
    LaneLedger total() { return ledger().sum(); }
    /// Waits (really) until nothing but quarantined records is owed.
    bool wait_drained(std::chrono::milliseconds most) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, most, [this] {
            return std::all_of(owed_.begin(), owed_.end(),
                               [](const auto& one) { return one.second.dead; });
        });
    }

private:
    struct Entry {
        Record record;
        bool dead = false;
    };
    static constexpr std::uint64_t kBytes = 8;
    using Owed = std::map<std::uint64_t, Entry>;

    LaneLedger& lane_of(Lane lane) { return ledger_.lanes[static_cast<std::size_t>(lane)]; }
    void drop(LaneLedger& lane, Owed::iterator at) {
        --lane.waiting;
        lane.waiting_bytes -= kBytes;
        if (at->second.dead) --lane.dead;
        owed_.erase(at);
    }

    FakeClock* clock_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t head_ = 0;
    Owed owed_;
    std::map<std::uint64_t, bool> evicted_;
    std::vector<std::pair<Seq, std::string>> dead_;
    SinkLedger ledger_;
    std::uint64_t strange_ = 0;
    bool fail_ = false;
    bool woken_ = false;
};

}  // namespace fog
