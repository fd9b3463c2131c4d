#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "firmware/core/log_access.hpp"
#include "firmware/store/log_state.hpp"
#include "firmware/store/segment.hpp"
#include "firmware/store/sqlite.hpp"

namespace fog {

/// What fog-store tells everybody after each commit. A short lock; copies go out.
class Published {
public:
    struct View {
        std::shared_ptr<const LogState> state;
        StoreStatus status;
    };
    void publish(const LogState& state, StoreStatus status,
                 const std::array<Seq, kLanes>& tail_newest);
    View view() const;

    Seq committed() const { return {committed_.load(std::memory_order_acquire)}; }
    /// Last seq of the newest tail row of a lane: beyond it there is no need to look.
    Seq tail_newest(Lane lane) const {
        return {tail_[static_cast<std::size_t>(lane)].load(std::memory_order_acquire)};
    }
    bool degraded() const { return degraded_.load(std::memory_order_acquire); }
    void set_degraded(bool now, std::string why);

    /// Until committed() is beyond `seen`, `woken` is set (it is then cleared) or `until`.
    void wait(Seq seen, MonoTime until, std::atomic<bool>& woken);
    void wake();

private:
    mutable std::mutex mutex_;
    std::condition_variable moved_;
    View view_;
    std::atomic<std::uint64_t> committed_{0};
    std::array<std::atomic<std::uint64_t>, kLanes> tail_{};
    std::atomic<bool> degraded_{false};
};

/// A read-only connection to the log and the merge of its tables by seq.
/// Thread: its owner's. Blocks: on the disk; each read transaction ends within the call.
class LogScan {
public:
    static Result<LogScan> open(const std::filesystem::path& path,
                                std::shared_ptr<const Published> published);

    struct Page {
        std::vector<Record> records;
        Seq last;
        bool at_end = false;
        std::uint64_t damaged_rows = 0;
    };
    /// Records with after < seq <= upto (0 = no end), ascending, at most `most`. `last` may be
    /// short of the end without `most` records being found: a call looks at a bounded number of
    /// rows.
    Result<Page> read(Seq after, Seq upto, std::size_t most, std::uint8_t lane_mask);
    Result<std::vector<Missing>> missing(Seq after, Seq upto, std::uint8_t lane_mask);
    Result<Seq> first();
    Result<std::uint64_t> epoch();
    sqlite::Connection& db() { return *db_; }

private:
    LogScan(sqlite::Connection db, std::shared_ptr<const Published> published)
        : db_(std::make_unique<sqlite::Connection>(std::move(db))),
          segments_(*db_),
          published_(std::move(published)) {}
    Result<sqlite::Statement*> cached(sqlite::Statement& slot, const char* sql);
    struct Reach {
        Seq seq;
        bool all;
    };
    /// A stretch of a segment, decoded and by number: pages are smaller than segments.
    struct Window {
        std::uint64_t segment = 0;
        Seq after;
        Seq upto;
        std::vector<Record> records;
    };
    Result<Reach> read_sealed(Lane lane, Seq after, Seq upto, std::size_t most, Page& page,
                              std::vector<Record>& out);
    Result<void> fill(Window& window, const SegmentHead& head, Seq after, std::size_t most,
                      Page& page);
    Result<Reach> read_tail(Seq after, Seq upto, std::size_t most, std::uint8_t mask, Page& page);
    Result<Reach> read_events(Seq after, Seq upto, std::size_t most, std::uint8_t mask,
                              std::vector<Record>& out);

    std::shared_ptr<const std::vector<Record>> decoded(Seq first, std::span<const std::byte> data);

    std::unique_ptr<sqlite::Connection> db_;
    SegmentRows segments_;
    std::shared_ptr<const Published> published_;
    std::array<Window, kLanes> windows_;
    std::vector<std::pair<Seq, std::shared_ptr<const std::vector<Record>>>> decoded_;
    sqlite::Statement start_, rows_, events_, holes_, first_;
};

/// LogReader over a LogScan.
Result<std::unique_ptr<LogReader>> open_log_reader(const std::filesystem::path& path,
                                                   std::shared_ptr<const Published> published);

}  // namespace fog
