// Moves old tail rows into segments, in small pieces between commits.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "firmware/store/block.hpp"
#include "firmware/store/log_writer.hpp"

namespace fog {
namespace {

constexpr std::size_t kStepRecords = 16'384;        // decoded in one piece
constexpr std::size_t kPassRecords = 8'192;         // held decoded at a time
constexpr std::size_t kBlockMost = 8'192;           // records in one block of a series
constexpr std::uint64_t kSegmentBytes = 4U << 20U;  // at most, of the tail
constexpr std::uint64_t kLeastRows = 60;            // by age: fewer are as well read where they are
constexpr int kOldShare = 4;  // of the size that is worth it, when the age is reached
constexpr std::uint32_t kGroupsSeen = 1U << 20U;
constexpr int kVeryOld = 6;                         // ages, then also what is not
constexpr std::uint64_t kSliceBytes = 128U << 10U;  // written in one transaction
constexpr std::size_t kForgottenAtOnce = 64;        // rows of a segment that was given up
constexpr auto kAgainAfter = std::chrono::seconds{60};
constexpr int kTrimSearch = 64;  // segments looked at for one only history holds

std::size_t index(Lane lane) {
    return static_cast<std::size_t>(lane);
}

}  // namespace

/// One segment in the making. Passes over its tail rows collect some groups each, so that memory
/// stays small; nothing is written before all of it is ready.
struct LogWriter::SealJob {
    enum class Phase : std::uint8_t { indexing, collecting, writing, moving, finished };
    Phase phase = Phase::indexing;
    SegmentHead head;
    std::vector<Seq> rows;                                      // of the tail, by first_seq
    std::size_t at = 0;                                         // the next of them in this pass
    std::map<std::uint32_t, std::uint64_t> counts;              // records by group
    std::map<std::uint32_t, std::uint64_t>::iterator from, to;  // groups of this pass
    std::vector<Record> collected;
    std::map<std::uint32_t, SeriesRow> building;
    std::vector<std::pair<std::uint64_t, Bytes>> done;  // rows of `series` by key
    std::size_t written = 0;                            // of them; these are empty now

    void start_pass() {
        at = 0;
        from = to;
        for (std::uint64_t n = 0; to != counts.end() && (to == from || n < kPassRecords); ++to)
            n += to->second;
    }
    /// Packs what is collected, a block for each point.
    void pack() {
        std::vector<const Record*> sorted;
        sorted.reserve(collected.size());
        for (const Record& record : collected) sorted.push_back(&record);
        std::stable_sort(sorted.begin(), sorted.end(), [](const Record* a, const Record* b) {
            return a->sample().point.value < b->sample().point.value;
        });
        Bytes block;
        for (auto begin = sorted.begin(); begin != sorted.end();) {
            const PointId point = (*begin)->sample().point;
            auto end = begin;
            while (end != sorted.end() && (*end)->sample().point == point &&
                   end - begin < static_cast<std::ptrdiff_t>(kBlockMost))
                ++end;
            block.clear();
            encode_block(head.lane, {begin, end}, {}, block);
            building[group_of(point.value)].add(point, block);
            begin = end;
        }
        collected.clear();
    }
    void end_pass() {
        pack();
        for (auto& [group, row] : building) {
            done.emplace_back(series_key(group, head.lane, head.number), row.take());
            head.groups.push_back(group);
        }
        building.clear();
    }
};

bool LogWriter::seal_step() {
    if (options_.seal_bytes == 0) return false;
    if (!seal_) return next_seal();
    auto done = seal_piece(*seal_);
    if (done && seal_->phase != SealJob::Phase::finished) return true;
    if (!done) give_up(*seal_, done.error().code);
    seal_.reset();
    return true;
}

/// Clears away what was given up, or plans a segment: in the first lane that has something to do.
bool LogWriter::next_seal() {
    for (std::size_t seen = 0; seen < kLanes; ++seen) {
        const std::size_t lane = seal_next_;
        seal_next_ = (seal_next_ + 1) % kLanes;
        if (options_.clock->mono() < seal_again_[lane]) continue;
        if (!staged_[lane].groups.empty()) {
            if (auto done = forget_staged(lane)) return true;
            put_off(lane);
            continue;
        }
        if (seal_blocked_[lane]) continue;
        auto planned = plan_seal(lane);
        if (!planned) {
            put_off(lane);
        } else if (*planned) {
            seal_ = std::move(*planned);
            return true;
        }
    }
    return false;
}

void LogWriter::put_off(std::size_t lane) {
    damaged_ = damaged_ || sqlite::is_damage(db_.code());
    seal_again_[lane] = options_.clock->mono() + kAgainAfter;
}

Result<void> LogWriter::seal_piece(SealJob& job) {
    switch (job.phase) {
        case SealJob::Phase::indexing:
            return index_rows(job);
        case SealJob::Phase::collecting:
            return collect_rows(job);
        case SealJob::Phase::writing:
            return write_series(job);
        case SealJob::Phase::moving:
            return write_segment(job);
        case SealJob::Phase::finished:
            break;
    }
    return {};
}

/// What was written of it already is in nobody's way, but has to go.
void LogWriter::give_up(SealJob& job, Errc why) {
    const std::size_t lane = index(job.head.lane);
    if (job.written > 0) staged_[lane] = std::move(job.head);
    // Evicted meanwhile: others are next.
    if (why != Errc::not_found && why != Errc::conflict) put_off(lane);
}

Result<void> LogWriter::forget_staged(std::size_t lane) {
    SegmentHead& staged = staged_[lane];
    const auto pages = pages_written();
    auto transaction = sqlite::Transaction::begin(db_);
    if (!transaction) return std::move(transaction).error();
    const std::size_t some = std::min(staged.groups.size(), kForgottenAtOnce);
    for (std::size_t i = staged.groups.size() - some; i < staged.groups.size(); ++i)
        if (auto done = run("DELETE FROM series WHERE key = ?",
                            series_key(staged.groups[i], staged.lane, staged.number));
            !done)
            return done;
    if (some == staged.groups.size())
        if (auto done = run("DELETE FROM sealing WHERE number = ?", staged.number); !done)
            return done;
    if (auto done = transaction->commit(); !done) return done;
    staged.groups.resize(staged.groups.size() - some);
    if (staged.groups.empty()) {
        LaneStock& stock = memory_.stock[lane];
        stock.bytes -= std::min(stock.bytes, staged.bytes);
        staged = {};
    }
    after_commit(pages, WearCause::seal);
    tidy();
    return {};
}

void LogWriter::note_groups(std::size_t lane, std::span<const Record* const> records) {
    auto& seen = groups_[lane];
    for (const Record* record : records) {
        const auto group = group_of(record->sample().point.value);
        if (group > kGroupsSeen) continue;
        if (group >= seen.size()) seen.resize(group + 1);
        if (seen[group]) continue;
        seen[group] = true;
        ++group_count_[lane];
    }
}

/// How much of a lane's tail is worth a segment: each group in it has a page written, whole.
std::uint64_t LogWriter::seal_size(std::size_t lane) const {
    return std::min(std::max(options_.seal_bytes, group_count_[lane] * options_.seal_group_bytes),
                    kSegmentBytes);
}

/// The oldest rows of a lane that has enough of them, or has had them for long.
Result<std::shared_ptr<LogWriter::SealJob>> LogWriter::plan_seal(std::size_t lane) {
    const LaneStock& stock = memory_.stock[lane];
    const std::uint64_t size = seal_size(lane);
    const auto age = options_.clock->mono() - stock.tail_since;
    const bool old = stock.tail_rows >= kLeastRows &&
                     ((age >= options_.seal_age && stock.tail_bytes >= size / kOldShare) ||
                      age >= options_.seal_age * kVeryOld);
    // In a small log a segment would be too much of it to be evicted at once.
    const bool large = stock.tail_bytes >= size && size <= usable_bytes_ / 8;
    if (stock.tail_rows == 0 || (!large && !old)) return std::shared_ptr<SealJob>{};
    auto rows = statement(
        "SELECT first_seq, last_seq, n, length(data) FROM tail WHERE lane = ? AND first_seq >= "
        "? ORDER BY first_seq");
    if (!rows) return std::move(rows).error();
    (*rows)->with(static_cast<int>(lane), stock.tail_from.value);
    auto job = std::make_shared<SealJob>();
    job->head.lane = static_cast<Lane>(lane);
    job->head.number = memory_.segment_number + 1;
    // What is evicted with one segment must not be much of a small log.
    const auto most = std::min<std::uint64_t>(size, usable_bytes_ / 8);
    for (std::uint64_t bytes = 0; bytes < most;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) break;
        job->rows.push_back({(*rows)->number(0)});
        job->head.last.value = (*rows)->number(1);
        job->head.n += (*rows)->number(2);
        bytes += (*rows)->number(3);
    }
    (*rows)->reset();
    if (job->rows.empty()) return std::shared_ptr<SealJob>{};
    job->head.first = job->rows.front();
    return job;
}

/// A copy of a row's block: a statement left open would keep every checkpoint away. Fails:
/// not_found where it was evicted meanwhile.
Result<Bytes> LogWriter::tail_data(Seq first) {
    auto rows = statement("SELECT data FROM tail WHERE first_seq = ?");
    if (!rows) return std::move(rows).error();
    auto row = (*rows)->with(first.value).row();
    if (!row) return std::move(row).error();
    if (*row) {
        const auto data = (*rows)->blob(0);
        Bytes copy(data.begin(), data.end());
        (*rows)->reset();
        return copy;
    }
    return Error{Errc::not_found, "log: a row to be sealed is gone", {}};
}

Result<void> LogWriter::index_rows(SealJob& job) {
    std::vector<std::uint64_t> seqs, points;
    for (std::size_t seen = 0; seen < kStepRecords; ++job.at) {
        if (job.at == job.rows.size()) {
            job.to = job.counts.begin();
            job.start_pass();
            job.phase = SealJob::Phase::collecting;
            return {};
        }
        auto data = tail_data(job.rows[job.at]);
        if (!data) return std::move(data).error();
        if (auto read = block_index(*data, seqs, points); !read) {
            seal_blocked_[index(job.head.lane)] = true;
            return read;
        }
        for (const auto point : points) ++job.counts[group_of(point)];
        seen += seqs.size() + 1;
    }
    return {};
}

Result<void> LogWriter::collect_rows(SealJob& job) {
    BlockWanted wanted;
    wanted.first_point = job.from->first << kGroupShift;
    wanted.last_point = (std::prev(job.to)->first << kGroupShift) | ((1U << kGroupShift) - 1);
    for (std::size_t seen = 0; seen < kStepRecords; ++job.at) {
        if (job.at == job.rows.size()) {
            job.end_pass();
            if (job.to == job.counts.end())
                job.phase = SealJob::Phase::writing;
            else
                job.start_pass();
            return {};
        }
        auto data = tail_data(job.rows[job.at]);
        if (!data) return std::move(data).error();
        const auto span = peek_block(*data);
        if (!span) return span.error();
        const auto note = [&](BootId& boot, MonoTime& time, const Record& record) {
            boot = record.boot();
            time = record.received();
        };
        auto read = visit_block(*data, wanted, [&](Record& record) {
            if (record.seq == job.head.first) note(job.head.from_boot, job.head.from, record);
            if (record.seq == job.head.last) note(job.head.to_boot, job.head.to, record);
            job.collected.push_back(std::move(record));
        });
        if (!read) {
            seal_blocked_[index(job.head.lane)] = true;
            return read;
        }
        seen += span->count + 1;
        // One group with more than a pass may hold: its points then have several blocks.
        if (job.collected.size() >= 2 * kPassRecords) job.pack();
    }
    return {};
}

/// Some rows of `series`, in a transaction of their own: all at once would hold up a commit for
/// long. Until their segment is there they count for nothing, and `sealing` says whose they are.
Result<void> LogWriter::write_series(SealJob& job) {
    const auto pages = pages_written();
    auto transaction = sqlite::Transaction::begin(db_);
    if (!transaction) return std::move(transaction).error();
    if (job.written == 0)
        if (auto done = stage(db_, job.head); !done) return done;
    std::uint64_t cost = 0;
    std::size_t end = job.written;
    for (; end < job.done.size() && cost < kSliceBytes; ++end) {
        auto& [key, data] = job.done[end];
        if (auto done = run("INSERT INTO series VALUES(?, ?)", key, data); !done) return done;
        cost += row_cost(data.size());
    }
    if (auto done = transaction->commit(); !done) return done;
    for (; job.written < end; ++job.written) job.done[job.written].second = {};
    memory_.segment_number = std::max(memory_.segment_number, job.head.number);
    memory_.stock[index(job.head.lane)].bytes += cost;
    job.head.bytes += cost;
    after_commit(pages, WearCause::seal);
    tidy();
    if (job.written == job.done.size()) job.phase = SealJob::Phase::moving;
    return {};
}

/// The move: the rows leave the tail and the segment comes in one transaction.
Result<void> LogWriter::write_segment(SealJob& job) {
    const auto pages = pages_written();
    const std::size_t lane = index(job.head.lane);
    const std::uint64_t head_cost = row_cost(job.head.groups.size() * 2 + 64);
    auto done = change([&](LogMemory& now) -> Result<void> {
        LaneStock& stock = now.stock[lane];
        auto sizes =
            statement("SELECT length(data) FROM tail WHERE lane = ? AND first_seq BETWEEN ? AND ?");
        if (!sizes) return std::move(sizes).error();
        const Seq last_row = job.rows.back();
        (*sizes)->with(static_cast<int>(lane), job.head.first.value, last_row.value);
        for (;;) {
            auto row = (*sizes)->row();
            if (!row) return std::move(row).error();
            if (!*row) break;
            const std::uint64_t size = (*sizes)->number(0);
            stock.bytes -= std::min(stock.bytes, row_cost(size));
            stock.tail_bytes -= std::min(stock.tail_bytes, size);
        }
        auto moved = run("DELETE FROM tail WHERE lane = ? AND first_seq BETWEEN ? AND ?",
                         static_cast<int>(lane), job.head.first.value, last_row.value);
        if (!moved) return moved;
        // Some were evicted while this was made: what is ready does not fit any more.
        if (static_cast<std::size_t>(sqlite3_changes(db_.raw())) != job.rows.size())
            return Error{Errc::conflict, "log: rows to be sealed are gone", {}};
        if (moved = run("DELETE FROM sealing WHERE number = ?", job.head.number); !moved)
            return moved;
        auto insert = statement(kInsertSegment);
        if (!insert) return std::move(insert).error();
        SegmentHead head = job.head;
        head.bytes += head_cost;
        if (moved = write_head(**insert, head); !moved) return moved;
        if (stock.segments++ == 0) stock.segment_from = job.head.first;
        stock.bytes += head_cost;
        stock.tail_rows -= job.rows.size();
        stock.tail_from.value = last_row.value + 1;
        stock.tail_since = options_.clock->mono();
        return {};
    });
    if (!done) return done;
    groups_[lane].clear();
    group_count_[lane] = 0;
    job.phase = SealJob::Phase::finished;
    after_commit(pages, WearCause::seal);
    tidy();
    return {};
}

/// Segments that end up to `upto` leave; what a sink still owed of them is counted.
Result<void> LogWriter::drop_segments(Memory& now, Lane lane, Seq upto, Why why, std::uint64_t& n,
                                      bool& unreadable) {
    const LossCause cause = why == Why::expired ? LossCause::expired : LossCause::evicted;
    while (now.stock[index(lane)].segments > 0) {
        auto head = segments_.next(lane, Seq{});
        if (!head) return std::move(head).error();
        if (!*head || (*head)->last > upto) return {};
        const Seq before{(*head)->first.value - 1};
        const bool settled = std::all_of(
            now.state.sinks.begin(), now.state.sinks.end(), [&](const SinkAccount& sink) {
                return sink.use == SinkUse::removed ||
                       sink.lane(lane).progress.covers(before, (*head)->last);
            });
        if (settled) {  // nobody's: no need to look at each
            n += (*head)->n;
            now.state.trimmed[index(lane)] += (*head)->n;
        } else {
            std::uint64_t damaged = 0;
            auto done = segments_.visit(
                **head, {}, [&](const Record& record) { n += drop_record(now, record, cause); },
                damaged);
            if (!done) return done;
            unreadable = unreadable || damaged > 0;
        }
        if (auto done = forget_segment(now, **head); !done) return done;
    }
    return {};
}

Result<void> LogWriter::forget_segment(Memory& now, const SegmentHead& head) {
    for (const auto group : head.groups)
        if (auto done =
                run("DELETE FROM series WHERE key = ?", series_key(group, head.lane, head.number));
            !done)
            return done;
    if (auto done = run("DELETE FROM segment WHERE lane = ? AND last_seq = ?",
                        static_cast<int>(head.lane), head.last.value);
        !done)
        return done;
    LaneStock& stock = now.stock[index(head.lane)];
    stock.records -= std::min(stock.records, head.n);
    stock.bytes -= std::min(stock.bytes, head.bytes);
    --stock.segments;
    if (head.first != stock.segment_from || stock.segments == 0) return {};
    auto next = segments_.next(head.lane, head.last);
    if (!next) return std::move(next).error();
    if (*next) stock.segment_from = (*next)->first;
    return {};
}

/// Drops one segment, not the oldest, that every sink is done with although older are owed.
Result<bool> LogWriter::trim_segment(Memory& now, Lane lane) {
    auto head = segments_.next(lane, Seq{});
    for (int seen = 0; seen < kTrimSearch; ++seen) {
        if (!head) return std::move(head).error();
        if (!*head) return false;
        head = segments_.next(lane, (*head)->last);
        if (!head) return std::move(head).error();
        if (!*head) return false;
        const Seq before{(*head)->first.value - 1};
        const bool settled = std::all_of(
            now.state.sinks.begin(), now.state.sinks.end(), [&](const SinkAccount& sink) {
                return sink.use == SinkUse::removed ||
                       sink.lane(lane).progress.covers(before, (*head)->last);
            });
        if (!settled) continue;
        now.state.trimmed[index(lane)] += (*head)->n;
        if (auto done = forget_segment(now, **head); !done) return std::move(done).error();
        auto done = add_hole({before, (*head)->last, lane, MissingReason::evicted, (*head)->n},
                             static_cast<int>(lane), true);
        if (!done) return std::move(done).error();
        return true;
    }
    return false;
}

}  // namespace fog
