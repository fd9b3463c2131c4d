#pragma once

#include <cstdint>
#include <span>

#include "firmware/core/result.hpp"
#include "firmware/store/sqlite.hpp"

namespace fog {

/// The migrations of the log, number n (from 1) at index n - 1. Released ones never change.
std::span<const char* const> log_migrations();

/// Brings the database from the schema its `meta` names (none = 0) to the newest, in one
/// transaction. Fails: storage_error, also for a schema newer than this program knows.
Result<void> migrate(sqlite::Connection& db, std::span<const char* const> migrations);

/// `meta` values. get gives 0 for an absent key.
Result<std::uint64_t> get_meta(sqlite::Connection& db, const char* key);
Result<void> set_meta(sqlite::Connection& db, const char* key, std::uint64_t value);

}  // namespace fog
