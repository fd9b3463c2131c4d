#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "firmware/store/log_writer.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store.hpp"

namespace fog {

/// An opened log, before its thread starts.
struct OpenedLog {
    std::unique_ptr<LogWriter> writer;
    OpenReport report;
    Seq next;  // first number to use
    Seq end;   // numbers below are reserved
};

/// Opens, checks, migrates; replaces what is damaged; starts numbering and this boot.
/// Blocks: on the disk, with a whole check after an unclean stop.
Result<OpenedLog> open_log(const StoreOptions& options);

/// What is wrong with the database at `path`, empty if nothing was found.
Result<std::string> find_damage(sqlite::Connection& db, const std::filesystem::path& path);

/// What could be read of a damaged log.
struct Salvage {
    std::uint64_t records = 0;
    std::uint64_t unreadable = 0;
    bool exact = false;  // `unreadable` is all that was lost
    bool any_state = false;
    std::uint64_t generation = 0;  // highest seen in its records, 0 = none
};
/// Copies records, registry rows, boots and accounts of `from` into the empty log `to`, in the
/// transaction the caller has open. `state` receives the sinks with accounts that start anew.
Result<Salvage> salvage(const std::filesystem::path& from, sqlite::Connection& to,
                        std::span<const std::string> sinks, LogState& state);

/// The newest accounts in a log: of its last tail row or its snapshot. Nothing in a new log.
Result<std::optional<LogState>> newest_state(sqlite::Connection& db);

}  // namespace fog
