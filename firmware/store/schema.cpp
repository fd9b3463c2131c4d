#include "firmware/store/schema.hpp"

#include <array>
#include <string>

namespace fog {
namespace {

// 1: the packed tail. Numbers are signed in SQLite; the epoch is the same 64 bits.
constexpr const char* kFirst = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tail(first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL,
                  lane INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE event(seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, kind INTEGER NOT NULL,
                   subject TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE snapshot(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE dead(sink TEXT NOT NULL, seq INTEGER NOT NULL, lane INTEGER NOT NULL,
                  reason TEXT NOT NULL, n INTEGER NOT NULL, resend INTEGER NOT NULL,
                  data BLOB NOT NULL, PRIMARY KEY(sink, seq)) WITHOUT ROWID;
CREATE TABLE hole(from_seq INTEGER NOT NULL, lane INTEGER NOT NULL, to_seq INTEGER NOT NULL,
                  reason INTEGER NOT NULL, n INTEGER NOT NULL,
                  PRIMARY KEY(from_seq, lane)) WITHOUT ROWID;
CREATE TABLE wear(day INTEGER NOT NULL, cause TEXT NOT NULL, bytes INTEGER NOT NULL,
                  PRIMARY KEY(day, cause)) WITHOUT ROWID;
CREATE TABLE boot(boot_id INTEGER NOT NULL, mono INTEGER NOT NULL, utc INTEGER NOT NULL,
                  trusted INTEGER NOT NULL, PRIMARY KEY(boot_id, mono)) WITHOUT ROWID;
CREATE TABLE boot_span(boot_id INTEGER PRIMARY KEY, kernel TEXT NOT NULL UNIQUE,
                       base INTEGER NOT NULL, last_mono INTEGER NOT NULL);
CREATE TABLE point(id INTEGER PRIMARY KEY, device TEXT NOT NULL, point TEXT NOT NULL,
                   unit TEXT NOT NULL, diagnostic INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE device(id TEXT PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL,
                    data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL);
)sql";

// 2: sealed segments. A row of series is found by a key made of group, lane and number, so that a
// point's history lies together.
constexpr const char* kSegments = R"sql(
CREATE TABLE segment(lane INTEGER NOT NULL, last_seq INTEGER NOT NULL, first_seq INTEGER NOT NULL,
                     number INTEGER NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL,
                     from_boot INTEGER NOT NULL, from_mono INTEGER NOT NULL,
                     to_boot INTEGER NOT NULL, to_mono INTEGER NOT NULL, groups BLOB NOT NULL,
                     PRIMARY KEY(lane, last_seq)) WITHOUT ROWID;
CREATE TABLE series(key INTEGER PRIMARY KEY, data BLOB NOT NULL);
)sql";

// 3: the segment in the making, whose rows are already in series.
constexpr const char* kSealing = R"sql(
CREATE TABLE sealing(number INTEGER PRIMARY KEY, lane INTEGER NOT NULL, groups BLOB NOT NULL);
)sql";

constexpr std::array<const char*, 3> kMigrations = {kFirst, kSegments, kSealing};

}  // namespace

std::span<const char* const> log_migrations() {
    return kMigrations;
}

Result<void> migrate(sqlite::Connection& db, std::span<const char* const> migrations) {
    auto tables = db.number("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'");
    if (!tables) return std::move(tables).error();
    std::uint64_t have = 0;
    if (*tables > 0) {
        auto schema = get_meta(db, "schema");
        if (!schema) return std::move(schema).error();
        have = *schema;
    }
    if (have == migrations.size()) return {};
    if (have > migrations.size())
        return Error{Errc::storage_error,
                     "log: made by a newer version (schema " + std::to_string(have) +
                         ", this program knows " + std::to_string(migrations.size()) + ")",
                     "install that version again, or move log.db away to start a new log"};
    auto transaction = sqlite::Transaction::begin(db);
    if (!transaction) return std::move(transaction).error();
    for (; have < migrations.size(); ++have)
        if (auto done = db.exec(migrations[have]); !done)
            return std::move(done).error().in("migration " + std::to_string(have + 1));
    if (auto done = set_meta(db, "schema", have); !done) return done;
    return transaction->commit();
}

Result<std::uint64_t> get_meta(sqlite::Connection& db, const char* key) {
    auto statement = db.prepare("SELECT value FROM meta WHERE key = ?");
    if (!statement) return std::move(statement).error();
    auto row = statement->with(key).row();
    if (!row) return std::move(row).error();
    return *row ? statement->number(0) : 0;
}

Result<void> set_meta(sqlite::Connection& db, const char* key, std::uint64_t value) {
    auto statement = db.prepare(
        "INSERT INTO meta VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value");
    if (!statement) return std::move(statement).error();
    return statement->with(key, value).run();
}

}  // namespace fog
