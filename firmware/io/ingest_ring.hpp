#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"

namespace fog {

enum class IngestKind : std::uint8_t {
    message = 1,   // topic + payload, decoded by the dialects
    readings = 2,  // packed Readings of a driver (core/reading_pack.hpp)
    http = 3,      // body of POST /api/v1/ingest/{device}; topic = device
    state = 4,     // a named blob for the log's state table: topic = key, payload; empty deletes
};

/// One thing that arrived. Views are valid until the next pop().
struct IngestItem {
    IngestKind kind = IngestKind::message;
    bool retained = false;
    bool duplicate = false;
    bool simulated = false;
    bool awaited = false;  // push_awaited(): somebody waits for the commit that covers it
    bool owed = false;     // message: also kept raw, somebody reads it from the log
    bool apart = false;    // message: kept raw only, it is no reading
    MonoTime received;
    std::string_view source;  // "mqtt:plant", "serial:scale-1", "http"
    std::string_view topic;
    std::span<const std::byte> payload;
    std::string_view properties = {};  // message: those of MQTT 5.0 that go with it, encoded
    std::string_view mark = {};        // key of the state table that is set in the same commit
};

/// How an item ended, told to whoever waits for it (on fog-pipe or fog-store; must not block).
struct IngestOutcome {
    bool committed = false;  // false: only processed (held), or refused
    std::uint32_t accepted = 0;
    std::vector<std::pair<std::uint32_t, std::string>> rejected;  // index, reason
    std::uint64_t last_seq = 0;                                   // of its records, 0 = none
    std::string refused;  // set when the whole was not understood: why and where
    std::string error;    // set when nothing was promised
};

/// Whoever waits for an item; lives in this process only, not in the ring.
struct IngestWaiter {
    std::function<void(const IngestOutcome&)> tell;
    bool at_commit = true;  // false: as soon as it was processed (held, not durable)
    explicit operator bool() const { return tell != nullptr; }
};

struct RingCounts {
    std::uint64_t pushed = 0, popped = 0, released = 0;
    std::uint64_t refused_full = 0, refused_large = 0;
    std::uint64_t waited = 0;        // pushes that had to wait for room
    std::uint64_t torn = 0;          // entries given up at start (CRC)
    std::uint64_t recovered = 0;     // entries processed again after a crash
    std::uint64_t recovered_to = 0;  // number of the last of these; 0 = none
    std::uint64_t exposed = 0;       // processed entries that lost crash protection
    std::size_t bytes_used = 0, bytes_size = 0;
};

/// The ingest queue: a MAP_SHARED file on tmpfs that outlives the process, so that what arrived
/// survives kill -9 (spec: format in ARCHITECTURE.md). Producers: any thread. Consumer: fog-pipe.
/// release(): fog-store. Blocks: push() while full, up to its `wait`; pop() up to `wait`.
class IngestRing {
public:
    /// Maps or makes the file, allocates it whole (a full tmpfs is an error here, not a SIGBUS) and
    /// finds the entries above `committed_entry` of the same kernel boot to be processed again.
    static Result<std::unique_ptr<IngestRing>> open(const std::filesystem::path& path,
                                                    std::size_t bytes, std::string_view kernel_boot,
                                                    std::uint64_t committed_entry);
    virtual ~IngestRing() = default;

    enum class Push : std::uint8_t { ok, full, too_large, closed };
    /// Copies the item in. After ok it is safe from kill -9. `waiter` is called exactly once if ok.
    virtual Push push(const IngestItem& item, std::chrono::milliseconds wait,
                      IngestWaiter waiter = {}) = 0;
    /// Like push() without waiting, for whoever watches commits by number (core/commit_watch.hpp):
    /// gives the entry's number instead of taking a waiter.
    virtual Push push_awaited(const IngestItem& item, std::uint64_t& number) = 0;
    /// Next unprocessed item and its number (ascending from 1, never reused); false after `wait`.
    virtual bool pop(IngestItem& item, std::uint64_t& number, bool& recovered, IngestWaiter& waiter,
                     std::chrono::milliseconds wait) = 0;
    /// Entries up to `number` are on flash: their room is free again. Any thread.
    virtual void release(std::uint64_t number) = 0;
    /// Makes a waiting or the next pop() return at once: fog-pipe has other work. Any thread.
    virtual void wake() = 0;
    virtual void close() = 0;  // wakes everybody; push() then says closed
    virtual RingCounts counts() const = 0;
};

}  // namespace fog
