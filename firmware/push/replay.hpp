#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/core/log_access.hpp"
#include "firmware/push/frame.hpp"
#include "firmware/push/params.hpp"

namespace fog {

class Hub;

/// Where a subscription stands that is not live yet, or fell behind.
struct Catching {
    Seq cursor;              // everything up to here was handled
    Seq origin;              // where it began
    Since since;             // until `located`
    bool located = false;    // cursor is set
    bool announced = false;  // `first` was sent
    bool page_asked = false;
    bool measure = false;            // whether replay_max covers what is owed is not known yet
    bool snapshot_after = false;     // at the head, before going live
    bool by_policy = false;          // fell behind: no `first`, nothing is history of a resume
    std::vector<FramePtr> snapshot;  // being sent
    std::size_t snapshot_at = 0;
    unsigned part = 0;
    Position snapshot_head;
};

struct PageAsk {
    std::string conn;
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
    Since since;  // unless located
    bool located = false;
    Seq after, upto;
    std::uint64_t replay_max = 0;  // 0: what is owed was measured already
};
struct PageAnswer {
    bool failed = false;
    Seq after;  // where the page begins (located by the job if asked)
    Seq begin;  // beyond `after`: more than replay_max is owed, the page begins here
    LogPage page;
};

/// Reads pages of the log for resuming clients on the api pool, so many at once; others queue.
/// Thread: fog-io (the reading itself on fog-api).
class Replays {
public:
    explicit Replays(Hub& hub) : hub_(hub) {}
    void ask(PageAsk ask);
    void pump();  // starts what can be started

private:
    void finished(const PageAsk& ask, PageAnswer answer);
    Hub& hub_;
    std::deque<PageAsk> waiting_;
    std::size_t running_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fog
