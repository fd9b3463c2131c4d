#include "firmware/store/log_open.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "firmware/store/block.hpp"
#include "firmware/store/schema.hpp"
#include "firmware/store/segment.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNumbers = 1ULL << SeqSource::kGenerationShift;

std::uint64_t random_u64() {
    std::uint64_t out = 0;
    while (::getrandom(&out, sizeof out, 0) != static_cast<ssize_t>(sizeof out)) continue;
    return out;
}

Error os_error(const fs::path& path, std::string_view doing) {
    const int error = errno;
    return Error{error == ENOSPC ? Errc::storage_full : Errc::storage_error,
                 "log: " + std::string(doing) + " " + path.string() + ": " +
                     std::generic_category().message(error),
                 "the folder must exist, belong to this user and be writable"};
}

std::uint64_t read_generation(const fs::path& path) {
    std::ifstream file(path);
    std::uint64_t out = 0;
    file >> out;
    return file ? out : 0;
}

/// Whole or not at all: written beside, synced, renamed.
Result<void> write_generation(const fs::path& path, std::uint64_t generation) {
    const fs::path beside = path.string() + ".new";
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return os_error(beside, "make");
    const std::string text = std::to_string(generation) + "\n";
    const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                      ::fsync(fd) == 0;
    ::close(fd);
    if (!good || ::rename(beside.c_str(), path.c_str()) != 0) return os_error(path, "write");
    if (const int folder = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        folder >= 0) {
        ::fsync(folder);
        ::close(folder);
    }
    return {};
}

Result<void> set_pragmas(sqlite::Connection& db, const StoreOptions& options) {
    const auto wal = static_cast<std::uint64_t>(wal_pages(options.max_bytes) * kPageBytes);
    const auto pages = (options.max_bytes - wal - wal / 4) / static_cast<std::uint64_t>(kPageBytes);
    // Debian's SQLite overwrites what it deletes; here that would only wear the flash.
    for (const char* pragma :
         {"PRAGMA page_size = 4096", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
          "PRAGMA wal_autocheckpoint = 0", "PRAGMA journal_size_limit = -1",
          "PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -512", "PRAGMA mmap_size = 0",
          "PRAGMA secure_delete = OFF"})
        if (auto done = db.exec(pragma); !done) return done;
    return db.exec(("PRAGMA max_page_count = " + std::to_string(pages)).c_str());
}

/// Keeps one damaged log aside, with its WAL under the names SQLite looks for.
Result<fs::path> set_aside(const fs::path& path) {
    const fs::path aside = path.parent_path() / "log.corrupt";
    for (const char* end : {"", "-wal", "-shm"}) {
        std::error_code failed;
        fs::remove(aside.string() + end, failed);
        fs::rename(path.string() + end, aside.string() + end, failed);
        if (failed && *end == '\0')
            return Error{Errc::storage_error,
                         "log: cannot move " + path.string() + " aside: " + failed.message(),
                         {}};
    }
    return aside;
}

Result<void> load_stock(sqlite::Connection& db, LogMemory& memory) {
    auto tail = db.prepare("SELECT lane, first_seq, last_seq, n, length(data) FROM tail");
    if (!tail) return std::move(tail).error();
    for (;;) {
        auto row = tail->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        const auto lane = tail->number(0);
        if (lane >= kLanes) continue;
        LaneStock& stock = memory.stock[lane];
        if (stock.tail_rows++ == 0) stock.tail_from.value = tail->number(1);
        stock.tail_newest.value = tail->number(2);
        stock.records += tail->number(3);
        stock.bytes += row_cost(tail->number(4));
        stock.tail_bytes += tail->number(4);
    }
    auto segments = db.prepare(
        "SELECT lane, first_seq, last_seq, number, n, bytes FROM segment ORDER BY lane, last_seq");
    if (!segments) return std::move(segments).error();
    for (;;) {
        auto row = segments->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        const auto lane = segments->number(0);
        if (lane >= kLanes) continue;
        LaneStock& stock = memory.stock[lane];
        if (stock.segments++ == 0) stock.segment_from.value = segments->number(1);
        stock.tail_newest.value = std::max(stock.tail_newest.value, segments->number(2));
        memory.segment_number = std::max(memory.segment_number, segments->number(3));
        stock.records += segments->number(4);
        stock.bytes += segments->number(5);
    }
    auto events = db.prepare(
        "SELECT lane, seq, length(data) + length(CAST(subject AS BLOB)), kind FROM event");
    if (!events) return std::move(events).error();
    for (;;) {
        auto row = events->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        const auto lane = events->number(0);
        if (lane >= kLanes) continue;
        LaneStock& stock = memory.stock[lane];
        if (stock.events++ == 0) stock.event_from.value = events->number(1);
        ++stock.records;
        stock.bytes += row_cost(events->number(2));
        if (events->integer(3) != kRawKind) continue;
        if (memory.raw_rows++ == 0) memory.raw_from.value = events->number(1);
        memory.raw_bytes += row_cost(events->number(2));
    }
    auto dead = db.prepare("SELECT sink, lane, seq, length(data), resend FROM dead");
    if (!dead) return std::move(dead).error();
    for (;;) {
        auto row = dead->row();
        if (!row) return std::move(row).error();
        if (!*row) return {};
        memory.dead_bytes += dead->number(3);
        if (dead->integer(4) != 0)
            memory.resend.insert({std::string(dead->text(0)), static_cast<Lane>(dead->integer(1)),
                                  Seq{dead->number(2)}});
    }
}

/// This kernel boot's id: the one it had, or the next; boots follow each other in powered time.
Result<BootId> enter_boot(sqlite::Connection& db, const StoreOptions& options,
                          const LogState& state, PoweredTime& powered) {
    if (state.boot.value != 0) {
        auto update =
            db.prepare("UPDATE boot_span SET last_mono = max(last_mono, ?) WHERE boot_id = ?");
        if (!update) return std::move(update).error();
        if (auto done = update->with(state.mono.time_since_epoch().count(), state.boot.value).run();
            !done)
            return std::move(done).error();
    }
    auto rows =
        db.prepare("SELECT boot_id, kernel, base, last_mono FROM boot_span ORDER BY boot_id");
    if (!rows) return std::move(rows).error();
    std::uint32_t newest = 0;
    std::int64_t base = 0;
    BootId here;
    for (;;) {
        auto row = rows->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        newest = static_cast<std::uint32_t>(rows->integer(0));
        if (rows->text(1) == options.kernel_boot) here.value = newest;
        base = rows->integer(2) + rows->integer(3);
        powered.set(BootId{newest}, rows->integer(2));
    }
    if (here.value != 0) return here;
    here.value = newest + 1;
    powered.set(here, base);
    auto insert = db.prepare("INSERT INTO boot_span VALUES(?, ?, ?, 0)");
    if (!insert) return std::move(insert).error();
    if (auto done = insert->with(here.value, options.kernel_boot, base).run(); !done)
        return std::move(done).error();
    return here;
}

Result<void> load_boot_lines(sqlite::Connection& db, BootTable* boots) {
    if (boots == nullptr) return {};
    auto rows = db.prepare("SELECT boot_id, mono, utc, trusted FROM boot ORDER BY boot_id, mono");
    if (!rows) return std::move(rows).error();
    for (;;) {
        auto row = rows->row();
        if (!row) return std::move(row).error();
        if (!*row) return {};
        boots->add({BootId{static_cast<std::uint32_t>(rows->integer(0))},
                    MonoTime{std::chrono::nanoseconds{rows->integer(1)}},
                    WallTime{std::chrono::nanoseconds{rows->integer(2)}}, rows->integer(3) != 0});
    }
}

/// Where numbering goes on, and the numbers that were reserved and will never come.
Result<void> start_numbering(sqlite::Connection& db, const LogState& state, OpenedLog& log) {
    std::array<std::uint64_t, 4> values{};
    static constexpr std::array<const char*, 4> kKeys = {"generation", "reserved_seq", "clean",
                                                         "session_seq"};
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
        auto value = get_meta(db, kKeys[i]);
        if (!value) return std::move(value).error();
        values[i] = *value;
    }
    auto [generation, reserved, clean, session] = values;
    std::uint64_t next = reserved;
    if (clean == 0 && !log.report.created && !log.report.replaced) next += SeqSource::kOverrun;
    if ((next & (kNumbers - 1)) + SeqSource::kOverrun * 2 >= kNumbers) {
        ++generation;  // its numbers are used up
        next = generation * kNumbers + 1;
    }
    const std::uint64_t known = std::max(state.committed.value, session == 0 ? 0 : session - 1);
    if (clean == 0 && !log.report.created && !log.report.replaced) {
        log.report.crash_hole = SeqRange{Seq{known}, Seq{next - 1}};
        // Within one kernel boot the ingest ring outlived the process and what was not committed is
        // processed again under new numbers: the hole is numbers only (n = 0). After a power cut
        // nobody knows what was in it (n = 1).
        const bool ring_survived = state.boot.value == 0 || state.boot == log.report.boot;
        auto insert = db.prepare("INSERT OR REPLACE INTO hole VALUES(?, ?, ?, ?, ?)");
        if (!insert) return std::move(insert).error();
        if (auto done = insert
                            ->with(known, kEveryLane, next - 1,
                                   static_cast<int>(MissingReason::crash), ring_survived ? 0 : 1)
                            .run();
            !done)
            return done;
        if (auto done = db.exec(
                "DELETE FROM hole WHERE lane = 255 AND from_seq NOT IN (SELECT from_seq FROM hole "
                "WHERE lane = 255 ORDER BY from_seq DESC LIMIT 1024)");
            !done)
            return done;
    }
    log.next.value = next;
    log.end.value = next + SeqSource::kAhead;
    log.report.clean = clean != 0;
    log.report.generation = generation;
    const std::array<std::uint64_t, 4> after = {generation, log.end.value, 0, next};
    for (std::size_t i = 0; i < kKeys.size(); ++i)
        if (auto done = set_meta(db, kKeys[i], after[i]); !done) return done;
    return {};
}

/// A new log: its epoch, and a generation no log of this box had before.
Result<void> found_log(sqlite::Connection& db, std::uint64_t before) {
    // Nothing tells a first start from one after everything was lost: start where no log was.
    const std::uint64_t generation = before != 0 ? before + 1 : 64 + random_u64() % 4'032;
    if (auto done = set_meta(db, "generation", generation); !done) return done;
    if (auto done = set_meta(db, "reserved_seq", generation * kNumbers + 1); !done) return done;
    return set_meta(db, "epoch", random_u64() | 1U);
}

struct Trouble {
    Error error;
    bool damage = false;
};

/// Whether the power went while the log was made: tables, but nothing was ever in them.
Result<bool> never_founded(sqlite::Connection& db) {
    auto epoch = get_meta(db, "epoch");
    if (!epoch) return std::move(epoch).error();
    if (*epoch != 0) return false;
    auto rows = db.number(
        "SELECT (SELECT count(*) FROM tail) + (SELECT count(*) FROM event) + "
        "(SELECT count(*) FROM segment) + "
        "(SELECT count(*) FROM snapshot)");
    if (!rows) return std::move(rows).error();
    if (*rows == 0) return true;
    return Error{Errc::bad_frame, "log: has no epoch", {}};
}

/// Opens a file that is there or makes one; `damage` tells a broken file from a broken disk.
/// `fresh` becomes true for a file in which no log was founded yet.
std::variant<sqlite::Connection, Trouble> open_file(const fs::path& path,
                                                    const StoreOptions& options, bool& fresh) {
    auto opened = sqlite::Connection::open(path, sqlite::Connection::Mode::read_write);
    if (!opened) return Trouble{std::move(opened).error(), false};
    sqlite::Connection db = std::move(*opened);
    const auto trouble = [&](Error error) {
        const bool damage = error.code == Errc::bad_frame || sqlite::is_damage(db.code());
        return Trouble{std::move(error), damage};
    };
    if (auto done = set_pragmas(db, options); !done) return trouble(std::move(done).error());
    if (auto done = migrate(db, log_migrations()); !done) return trouble(std::move(done).error());
    if (fresh) return db;
    auto unused = never_founded(db);
    if (!unused) return trouble(std::move(unused).error());
    if (*unused) {
        fresh = true;
        return db;
    }
    auto clean = get_meta(db, "clean");
    if (!clean) return trouble(std::move(clean).error());
    if (*clean == 0) {
        auto damage = find_damage(db, path);
        if (!damage) return trouble(std::move(damage).error());
        if (!damage->empty())
            return Trouble{Error{Errc::storage_error, "log: " + *damage, {}}, true};
    }
    if (auto state = newest_state(db); !state) return trouble(std::move(state).error());
    return db;
}

Result<void> check_folder(const StoreOptions& options) {
    std::error_code failed;
    fs::create_directories(options.folder, failed);
    const fs::path probe = options.folder / "log.probe";
    const int fd = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return os_error(options.folder, "cannot write in");
    ::close(fd);
    ::unlink(probe.c_str());
    return {};
}

/// Registers the configured sinks; a new one starts at now.
void enter_sinks(const StoreOptions& options, LogState& state) {
    for (const auto& id : options.sinks) {
        SinkAccount* sink = state.find(id);
        if (sink != nullptr && sink->use != SinkUse::removed) {
            sink->use = SinkUse::active;
            continue;
        }
        std::uint8_t bit = 0;
        while (bit < 16 && ((state.known_bits() >> bit) & 1U) != 0) ++bit;
        if (bit == 16) return;  // Limits::sinks is checked with the configuration
        if (sink == nullptr) {
            sink = &state.sinks.emplace_back();
            sink->id = id;
        }
        sink->bit = bit;
        sink->use = SinkUse::active;
        for (auto& lane : sink->lanes) lane.progress = Progress(state.committed, {});
    }
}

Result<void> fill(sqlite::Connection& db, const StoreOptions& options,
                  const std::optional<fs::path>& damaged, OpenedLog& log, LogMemory& memory,
                  PoweredTime& powered) {
    if (log.report.created || log.report.replaced) {
        std::uint64_t before = read_generation(options.folder / "generation");
        if (damaged) {
            auto saved = salvage(*damaged, db, options.sinks, memory.state);
            if (!saved) return std::move(saved).error();
            log.report.salvaged = saved->records;
            log.report.unreadable = saved->unreadable;
            log.report.unreadable_exact = saved->exact;
            before = std::max(before, saved->generation);
        }
        if (auto done = found_log(db, before); !done) return done;
    } else {
        auto state = newest_state(db);
        if (!state) return std::move(state).error();
        if (*state) memory.state = std::move(**state);
        // An older copy of the log was put back: numbers after it were given out already.
        const std::uint64_t before = read_generation(options.folder / "generation");
        auto generation = get_meta(db, "generation");
        if (!generation) return std::move(generation).error();
        if (before > *generation) {
            if (auto done = found_log(db, before); !done) return done;
            if (auto done = set_meta(db, "clean", 1); !done) return done;
        }
    }
    if (auto done = forget_staged(db); !done) return done;
    LogState& state = memory.state;
    auto boot = enter_boot(db, options, state, powered);
    if (!boot) return std::move(boot).error();
    log.report.boot = *boot;
    if (auto done = start_numbering(db, state, log); !done) return done;
    enter_sinks(options, state);
    ++state.commit_no;
    state.boot = *boot;
    state.mono = options.clock->mono();
    Bytes head;
    pack_state(state, head);
    auto snapshot = db.prepare("INSERT OR REPLACE INTO snapshot VALUES(1, ?)");
    if (!snapshot) return std::move(snapshot).error();
    if (auto done = snapshot->with(head).run(); !done) return done;
    auto epoch = get_meta(db, "epoch");
    if (!epoch) return std::move(epoch).error();
    log.report.epoch = *epoch;
    log.report.ring_entry = state.ring_entry;
    log.report.committed = state.committed;
    return {};
}

}  // namespace

Result<std::optional<LogState>> newest_state(sqlite::Connection& db) {
    std::optional<LogState> newest;
    const auto consider = [&](const Bytes& head) -> Result<void> {
        auto state = unpack_state(head);
        if (!state) return std::move(state).error();
        if (!newest || state->commit_no > newest->commit_no) newest = std::move(*state);
        return {};
    };
    auto snapshot = db.prepare("SELECT data FROM snapshot WHERE id = 1");
    if (!snapshot) return std::move(snapshot).error();
    auto row = snapshot->row();
    if (!row) return std::move(row).error();
    if (*row)
        if (auto done = consider(snapshot->bytes(0)); !done) return std::move(done).error();
    auto tail = db.prepare("SELECT data FROM tail ORDER BY first_seq DESC LIMIT 1");
    if (!tail) return std::move(tail).error();
    row = tail->row();
    if (!row) return std::move(row).error();
    if (!*row) return newest;
    auto head = block_head(tail->blob(0));
    if (!head) return std::move(head).error();
    if (!head->empty())
        if (auto done = consider(*head); !done) return std::move(done).error();
    return newest;
}

Result<OpenedLog> open_log(const StoreOptions& options) {
    if (auto done = check_folder(options); !done) return std::move(done).error();
    const fs::path path = options.folder / "log.db";
    OpenedLog log;
    log.report.created = !fs::exists(path);
    std::optional<fs::path> damaged;
    auto opened = open_file(path, options, log.report.created);
    if (auto* trouble = std::get_if<Trouble>(&opened)) {
        if (!trouble->damage) return std::move(trouble->error);
        log.report.damage = trouble->error.what;
        log.report.created = false;
        log.report.replaced = true;
        auto aside = set_aside(path);
        if (!aside) return std::move(aside).error();
        damaged = std::move(*aside);
        bool fresh = true;
        opened = open_file(path, options, fresh);
        if (auto* again = std::get_if<Trouble>(&opened)) return std::move(again->error);
    }
    auto& db = *std::get_if<sqlite::Connection>(&opened);
    LogMemory memory;
    PoweredTime powered;
    {
        auto transaction = sqlite::Transaction::begin(db);
        if (!transaction) return std::move(transaction).error();
        if (auto done = fill(db, options, damaged, log, memory, powered); !done)
            return std::move(done).error();
        if (auto done = transaction->commit(); !done) return std::move(done).error();
    }
    // After the database: a crash in between is repaired by the next open, from the database.
    if (read_generation(options.folder / "generation") != log.report.generation)
        if (auto done = write_generation(options.folder / "generation", log.report.generation);
            !done)
            return std::move(done).error();
    if (auto done = load_stock(db, memory); !done) return std::move(done).error();
    if (auto done = load_boot_lines(db, options.boots); !done) return std::move(done).error();
    const BootId boot = log.report.boot;
    log.writer = std::make_unique<LogWriter>(std::move(db), options, std::move(memory), boot,
                                             std::move(powered));
    return log;
}

}  // namespace fog
