#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "cloud-uplink/pump/pump.hpp"
#include "cloud-uplink/pump/schedule.hpp"

namespace fog {

/// One send to be: records of one stream, in order.
struct Batch {
    std::size_t stream = 0;
    Traffic traffic = Traffic::live;
    std::vector<Outgoing> records;    // point into the stream, until the next call that changes it
    std::vector<std::size_t> places;  // where in the stream's queue
    std::size_t bytes = 0;            // estimated
};

/// What the sink owes, read from the log page by page and kept in order: one stream per lane
/// (strict), or per lane one for the backlog and one for what is new (fresh_first).
/// Thread: the pump's. Blocks: on the log's disk. Memory: at most two pages of records a stream.
class Streams {
public:
    struct Take {
        std::size_t records = 0;     // most
        std::span<const Seq> aside;  // leave these out
        bool skips(Seq seq) const {
            return std::find(aside.begin(), aside.end(), seq) != aside.end();
        }
    };

    Streams(SinkLog& log, const PumpOptions& options) : log_(log), options_(options) {}

    /// After (re)connecting: forgets what was read; everything up to now becomes catch-up.
    void restart();
    /// Reads on where fewer than `low` records are at hand.
    Result<void> fill(std::size_t low, MonoTime now);
    /// What could be sent at `now`: bytes of the next batch per kind of traffic.
    Waiting waiting(MonoTime now, const Take& take) const;
    /// The next batch of that kind; empty if there is none.
    Batch next(Traffic traffic, MonoTime now, const Take& take) const;
    /// Removes what was settled; `places` ascending.
    void erase(std::size_t stream, const std::vector<std::size_t>& places);
    /// When a batch that is still gathering becomes due by age.
    std::optional<MonoTime> due(MonoTime now) const;
    /// The newest commit that was looked at; for SinkLog::wait.
    Seq seen() const { return seen_; }

private:
    struct Stream {
        Lane lane = Lane::live;
        Seq after;
        Seq upto;  // 0 = open
        std::deque<Record> queue;
        std::optional<Seq> dry;  // nothing more up to this commit
        MonoTime looked_back;    // for records that are owed again
    };

    void look_back(Stream& stream, MonoTime now);
    Result<void> fill(Stream& stream, Seq head);
    Traffic traffic(const Stream& stream) const;
    bool ripe(const Stream& stream, MonoTime now, std::size_t most) const;
    Batch cut(std::size_t index, const Take& take) const;
    std::optional<std::size_t> pick(Traffic traffic, MonoTime now, const Take& take) const;

    SinkLog& log_;
    const PumpOptions& options_;
    std::vector<Stream> streams_;
    Seq boundary_;  // up to here it was outstanding when the connection was made
    Seq seen_;
};

}  // namespace fog
