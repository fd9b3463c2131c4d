#pragma once

#include <poll.h>

#include <optional>
#include <string>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"
#include "firmware/io/fd.hpp"
#include "sim/world/ledger.hpp"
#include "sim/world/world.hpp"

namespace fog::sim {

/// Lets any thread or signal handler end the engine's poll().
class Wake {
public:
    Wake();
    void signal() const;  // async-signal-safe
    void clear() const;
    int fd() const { return fd_.get(); }

private:
    Fd fd_;
};

/// How the ledger and the gateway know a device.
struct Endpoint {
    std::string id;
    std::string gateway_id;
    std::string personality;
    std::string link;   // "mqtt", "serial"
    std::string level;  // "A", "B", "C"
    bool timed = false;
    LedgerDevice view() const { return {id, gateway_id, personality, link, level, timed}; }
};

/// What a run counts, over all carriers.
struct LinkCounts {
    std::uint64_t sent = 0, acked = 0, resent = 0, unsent = 0, unheard = 0, connects = 0;
};

/// A way out for one or more devices. The engine's thread calls; nothing blocks. Each round is
/// take()/step(), then the ledger is flushed, then release(): what the ledger says is on the disk
/// before the bytes leave.
class Carrier {
public:
    virtual ~Carrier() = default;
    virtual Result<void> start(MonoTime now) = 0;
    /// A report of one of its devices; writes `sent` or `unsent` to the ledger, at once or later.
    virtual void take(const Report& report, WallTime source, MonoTime now) = 0;
    /// Handles what came back; may stage more.
    virtual void step(MonoTime now) = 0;
    virtual void release(MonoTime now) = 0;
    /// When step() must be called again, if nothing wakes the engine before.
    virtual std::optional<MonoTime> next_step() const = 0;
    virtual void watch(std::vector<pollfd>& fds) const { (void)fds; }
    /// One that names at least one of its devices; its end has the id of its beginning.
    virtual void fault(const FaultSpec& fault, bool begins, MonoTime now) = 0;
    /// In one word, for people: "connected", "away", "heard" ...
    virtual std::string_view state() const = 0;
    /// Nothing waits to be sent or acknowledged.
    virtual bool settled() const = 0;
    /// Says goodbye; blocks up to a second.
    virtual void stop() = 0;
    virtual std::size_t waiting() const = 0;
    const LinkCounts& counts() const { return counts_; }

protected:
    LinkCounts counts_;
};

}  // namespace fog::sim
