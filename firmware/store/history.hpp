#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/core/boot_table.hpp"
#include "firmware/core/records.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// The log as people ask it: one point over a time, events newest first. Bounded work per call.
/// Has its own read-only connection. Thread: the one that opened it. Blocks: on the disk. Fails:
/// storage_error.
class History {
public:
    virtual ~History() = default;

    /// Where a time lies in the log.
    struct Window {
        Seq after;         // read from here
        Seq upto;          // and no further
        bool cut = false;  // more than `most` samples lie in it: only the newest are
        WallTime from{};   // what is before this is not in the window; epoch = nothing is
        std::uint64_t looked_at = 0;  // what reading it costs, in samples to be decoded, about
    };
    /// Samples received in [from, to], late ones up to `late` after it too.
    virtual Result<Window> window(WallTime from, WallTime to, std::uint64_t most,
                                  std::chrono::seconds late) = 0;

    /// What was received from this time on has higher numbers than this. Exact within a commit.
    virtual Result<Seq> before(WallTime time) = 0;

    struct Slice {
        Seq last;          // read up to here
        bool end = false;  // of the window
    };
    /// Visits the next slice of a window of one point: a bounded number of blocks. Ascending within
    /// a lane; a point that changed lanes comes lane by lane.
    virtual Result<Slice> visit(PointId point, Seq after, Seq upto,
                                const std::function<void(const Record&)>& each) = 0;

    struct Samples {
        std::vector<Record> records;  // of the point, ascending by seq
        Seq last;                     // read up to here
        bool end = false;             // of the window
    };
    /// visit(), kept.
    Result<Samples> samples(PointId point, Seq after, Seq upto);

    struct EventQuery {
        Seq before;  // 0 = from the newest on
        std::optional<EventKind> kind;
        std::string device;  // empty = any
        WallTime from{};     // received; epoch = any
        WallTime to{};
        std::size_t most = 100;
        std::size_t look_at = 20'000;  // events; then it stops, to be asked again
    };
    struct Events {
        std::vector<Record> records;  // descending by seq
        Seq before;                   // go on here; 0 = that was all
    };
    virtual Result<Events> events(const EventQuery& query) = 0;
};

}  // namespace fog
