#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"
#include "firmware/io/fd.hpp"
#include "sim/world/world.hpp"

namespace fog::sim {

/// What the checker must know about a device, first in the ledger.
struct LedgerDevice {
    std::string_view id;
    std::string_view gateway_id;  // how the gateway names it
    std::string_view personality;
    std::string_view link;
    std::string_view level;  // A durable, B held, C live
    bool timed = false;      // the source time travels
};

/// `ledger.jsonl`: one line per fact, as it happens. Lines gather until flush(), which must come
/// before the bytes they speak of leave. Thread: one. Blocks on the disk in flush().
class Ledger {
public:
    static Result<Ledger> open(const std::filesystem::path& path);

    void run(const Scenario& scenario, WallTime start, MonoTime mono);
    void device(const LedgerDevice& device);
    /// One line per point; `heard` false: nobody had the port open.
    void sent(const Report& report, const LedgerDevice& device, WallTime source, MonoTime now,
              bool heard);
    void resent(std::uint64_t id, MonoTime now);
    void unsent(std::uint64_t id, std::string_view device, std::string_view why, MonoTime now);
    void acked(std::uint64_t id, MonoTime now);
    void fault(std::string_view kind, std::string_view device, bool begins, MonoTime now);
    void link(std::string_view name, std::string_view state, std::string_view why, MonoTime now);
    /// Anything else as it happens: `members` are JSON members without braces.
    void fact(std::string_view kind, std::string_view members, MonoTime now);
    void end(std::string_view why, MonoTime now);

    /// Errc::storage_error once the disk fails; the run must then end.
    Result<void> flush();

private:
    explicit Ledger(Fd fd) : fd_(std::move(fd)) {}
    void open_line(std::string_view kind);
    void member(std::string_view key, std::string_view text);
    void member(std::string_view key, std::uint64_t number);
    void close_line(MonoTime now);

    Fd fd_;
    std::string buffer_;
    std::string scratch_;
};

}  // namespace fog::sim
