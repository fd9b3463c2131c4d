#include <algorithm>
#include <string>
#include <utility>

#include "firmware/core/pack.hpp"
#include "firmware/store/block.hpp"
#include "firmware/store/log_writer.hpp"

namespace fog {
namespace {

constexpr std::size_t kMostSinks = 16;

Error no_sink(std::string_view id) {
    return Error{Errc::not_found, "log: no sink '" + std::string(id) + "'", {}};
}
Error no_letter(Seq seq) {
    return Error{Errc::not_found, "log: no dead letter " + std::to_string(seq.value), {}};
}

}  // namespace

Bytes pack_record(const Record& record) {
    Bytes out;
    Packer pack(out);
    pack.u8(record.is_sample() ? 0 : 1);
    if (record.is_sample()) {
        const Record* one = &record;
        encode_block(record.lane, {&one, 1}, {}, out);
        return out;
    }
    pack.varint(record.seq.value);
    pack.u8(static_cast<std::uint8_t>(record.lane));
    pack.u8(static_cast<std::uint8_t>(record.event().kind));
    pack.text(record.event().channel);
    encode_event(record, out);
    return out;
}

Result<Record> unpack_record(std::span<const std::byte> bytes) {
    Unpacker in(bytes);
    const std::uint8_t kind = in.u8();
    if (kind == 0 && in.ok()) {
        auto block = decode_block(bytes.subspan(1));
        if (!block) return std::move(block).error();
        if (block->records.size() == 1) return std::move(block->records.front());
    } else if (kind == 1) {
        Record record;
        record.seq.value = in.varint();
        const std::uint8_t lane = in.u8();
        Event event;
        event.kind = static_cast<EventKind>(in.u8());
        event.channel = in.text();
        record.body = std::move(event);
        record.lane = static_cast<Lane>(lane);
        if (in.ok() && lane < kLanes) {
            auto done = decode_event(in.raw(in.left()), record);
            if (!done) return std::move(done).error();
            return record;
        }
    }
    return Error{Errc::bad_frame, "log: a dead letter does not decode", {}};
}

Result<void> LogWriter::settle(const Work& work, Memory& now) {
    const auto held = std::exchange(now.deferred, {});
    struct Said {
        const std::string* sink;
        const SettledOne* outcome;
    };
    std::vector<Said> said;
    for (const auto& one : held) said.push_back({&one.sink, &one.outcome});
    for (const auto& batch : work.settles)
        for (const auto& outcome : batch.outcomes) said.push_back({&batch.sink, &outcome});
    std::stable_sort(said.begin(), said.end(),
                     [](const Said& a, const Said& b) { return a.outcome->seq < b.outcome->seq; });
    for (const Said& one : said) {
        SinkAccount* sink = now.state.find(*one.sink);
        if (sink == nullptr || sink->use == SinkUse::removed) continue;
        auto taken = settle_one(now, *sink, *one.outcome, Progress::kRanges);
        if (!taken) return std::move(taken).error();
        if (!*taken && one.outcome->what != SettledOne::What::nothing_owed)
            now.deferred.push_back({*one.sink, *one.outcome});
    }
    return bound_dead(now);
}

/// False if it would need more ranges than are durable: it is then kept for a later commit.
Result<bool> LogWriter::settle_one(Memory& now, SinkAccount& sink, const SettledOne& outcome,
                                   std::size_t ranges) {
    LaneAccount& lane = sink.lane(outcome.lane);
    if (outcome.what == SettledOne::What::nothing_owed)
        return lane.progress.add(outcome.after, outcome.seq, ranges);
    if (lane.progress.done(outcome.seq)) return true;  // evicted meanwhile, or said twice
    if (!lane.progress.add(outcome.after, outcome.seq, ranges)) return false;
    if (outcome.what == SettledOne::What::refused) {
        if (auto done = refuse(now, sink, outcome); !done) return std::move(done).error();
        return true;
    }
    lane.acknowledged.add(outcome.bytes);
    lane.stop_waiting(outcome.bytes);
    if (!now.resend.empty() && now.resend.erase({sink.id, outcome.lane, outcome.seq}) > 0)
        if (auto done = forget_dead(now, sink.id, outcome.seq); !done)
            return std::move(done).error();
    return true;
}

Result<void> LogWriter::refuse(Memory& now, SinkAccount& sink, const SettledOne& outcome) {
    LaneAccount& lane = sink.lane(outcome.lane);
    if (now.resend.erase({sink.id, outcome.lane, outcome.seq}) > 0) {
        lane.dead.add(outcome.bytes);
        return run("UPDATE dead SET resend = 0, reason = ? WHERE sink = ? AND seq = ?",
                   outcome.reason, sink.id, outcome.seq.value);
    }
    auto record = find_record(outcome.lane, outcome.seq, outcome.point);
    if (!record) return std::move(record).error();
    if (!*record) {
        lane.lose(LossCause::unreadable, outcome.bytes);
        lane.stop_waiting(outcome.bytes);
        return {};
    }
    lane.dead.add(outcome.bytes);
    const Bytes data = pack_record(**record);
    now.dead_bytes += data.size();
    return run("INSERT OR REPLACE INTO dead VALUES(?, ?, ?, ?, 1, 0, ?)", sink.id,
               outcome.seq.value, static_cast<int>(outcome.lane), outcome.reason, data);
}

/// A record as it stands in the log. Of a block only its point's records are decoded, of a segment
/// only the row that has its point: a refusal must not hold up the commit it is told with.
Result<std::optional<Record>> LogWriter::find_record(Lane lane, Seq seq, PointId point) {
    auto event = statement("SELECT lane, kind, subject, data FROM event WHERE seq = ?");
    if (!event) return std::move(event).error();
    auto row = (*event)->with(seq.value).row();
    if (!row) return std::move(row).error();
    if (*row) {
        Record record;
        record.seq = seq;
        record.lane = static_cast<Lane>((*event)->integer(0));
        Event body;
        body.kind = static_cast<EventKind>((*event)->integer(1));
        body.channel = (*event)->text(2);
        record.body = std::move(body);
        const bool good = decode_event((*event)->blob(3), record).has_value();
        (*event)->reset();
        if (!good) return std::optional<Record>{};
        return std::optional<Record>{std::move(record)};
    }
    auto tail = statement(
        "SELECT data FROM tail WHERE first_seq <= ?1 AND last_seq >= ?1 AND lane = ?2 "
        "ORDER BY first_seq DESC LIMIT 1");
    if (!tail) return std::move(tail).error();
    row = (*tail)->with(seq.value, static_cast<int>(lane)).row();
    if (!row) return std::move(row).error();
    std::optional<Record> found;
    BlockWanted wanted;
    wanted.first_point = wanted.last_point = point.value;
    wanted.after.value = seq.value - 1;
    wanted.upto = seq;
    const auto take = [&](Record& record) { found = std::move(record); };
    if (*row) {
        auto read = visit_block((*tail)->blob(0), wanted, take);
        (*tail)->reset();
        if (!read) found.reset();
        return found;
    }
    auto head = segments_.next(lane, Seq{seq.value - 1});
    if (!head) return std::move(head).error();
    if (!*head || (*head)->first > seq) return found;
    std::uint64_t damaged = 0;
    auto done = segments_.visit(**head, wanted, take, damaged);
    if (!done) return std::move(done).error();
    return found;
}

Result<void> LogWriter::forget_dead(Memory& now, const std::string& sink, Seq seq) {
    auto size = statement("SELECT length(data) FROM dead WHERE sink = ? AND seq = ?");
    if (!size) return std::move(size).error();
    auto row = (*size)->with(sink, seq.value).row();
    if (!row) return std::move(row).error();
    if (*row) now.dead_bytes -= std::min(now.dead_bytes, (*size)->number(0));
    (*size)->reset();
    return run("DELETE FROM dead WHERE sink = ? AND seq = ?", sink, seq.value);
}

/// Dead letters have a cap of their own; beyond it the oldest go and are counted.
Result<void> LogWriter::bound_dead(Memory& now) {
    const std::uint64_t cap =
        std::min<std::uint64_t>(options_.limits.dead_bytes, options_.max_bytes / 10);
    while (now.dead_bytes > cap) {
        auto oldest =
            statement("SELECT sink, seq, data FROM dead WHERE resend = 0 ORDER BY seq LIMIT 1");
        if (!oldest) return std::move(oldest).error();
        auto row = (*oldest)->row();
        if (!row) return std::move(row).error();
        if (!*row) return {};
        const std::string id((*oldest)->text(0));
        const Seq seq{(*oldest)->number(1)};
        auto record = unpack_record((*oldest)->blob(2));
        (*oldest)->reset();
        if (SinkAccount* sink = now.state.find(id); sink != nullptr && record) {
            const std::uint64_t bytes = ledger_bytes(*record);
            LaneAccount& lane = sink->lane(record->lane);
            --lane.dead.n, lane.dead.bytes -= bytes;
            lane.stop_waiting(bytes);
            lane.lose(LossCause::dead_evicted, bytes);
        }
        if (auto done = forget_dead(now, id, seq); !done) return done;
    }
    return {};
}

Result<std::uint8_t> LogWriter::add_sink(std::string_view id, Seq now_at) {
    const SinkAccount* known = memory_.state.find(id);
    if (known != nullptr && known->use == SinkUse::active) return known->bit;
    std::uint8_t bit = 0;
    if (known != nullptr && known->use == SinkUse::kept) {
        bit = known->bit;
    } else {
        const std::uint16_t used = memory_.state.known_bits();
        while (bit < kMostSinks && ((used >> bit) & 1U) != 0) ++bit;
        if (bit == kMostSinks)
            return Error{Errc::busy, "log: 16 sinks at most", "remove one that is not used"};
    }
    auto done = change([&](LogMemory& now) -> Result<void> {
        SinkAccount* sink = now.state.find(id);
        if (sink == nullptr) {
            sink = &now.state.sinks.emplace_back();
            sink->id = id;
        }
        if (sink->use == SinkUse::removed || known == nullptr) {
            sink->bit = bit;
            const Seq from = std::max(now_at, now.state.committed);
            for (auto& lane : sink->lanes) lane.progress = Progress(from, {});
        }
        sink->use = SinkUse::active;
        return {};
    });
    if (!done) return std::move(done).error();
    return bit;
}

Result<void> LogWriter::remove_sink(std::string_view id, RemoveSink how) {
    const SinkAccount* known = memory_.state.find(id);
    if (known == nullptr || known->use == SinkUse::removed) return no_sink(id);
    return change([&](LogMemory& now) -> Result<void> {
        SinkAccount& sink = *now.state.find(id);
        if (how == RemoveSink::keep) {
            sink.use = SinkUse::kept;
            return {};
        }
        for (auto& lane : sink.lanes) {
            auto& lost = lane.lost[static_cast<std::size_t>(LossCause::sink_removed)];
            lost.n += lane.waiting.n;
            lost.bytes += lane.waiting.bytes;
            lane.waiting = lane.dead = {};
            lane.progress = Progress(now.state.committed, {});
        }
        sink.use = SinkUse::removed;
        std::erase_if(now.deferred, [&](const auto& one) { return one.sink == id; });
        std::erase_if(now.resend, [&](const auto& one) { return std::get<0>(one) == id; });
        auto bytes = statement("SELECT coalesce(sum(length(data)), 0) FROM dead WHERE sink = ?");
        if (!bytes) return std::move(bytes).error();
        auto row = (*bytes)->with(id).row();
        if (!row) return std::move(row).error();
        now.dead_bytes -= std::min(now.dead_bytes, (*bytes)->number(0));
        (*bytes)->reset();
        return run("DELETE FROM dead WHERE sink = ?", id);
    });
}

Result<std::vector<DeadLetter>> LogWriter::dead(std::string_view sink, Seq after,
                                                std::size_t most) {
    if (memory_.state.find(sink) == nullptr) return no_sink(sink);
    auto rows = statement(
        "SELECT seq, lane, reason, resend, data FROM dead WHERE sink = ? AND seq > ? "
        "ORDER BY seq LIMIT ?");
    if (!rows) return std::move(rows).error();
    std::vector<DeadLetter> out;
    (*rows)->with(sink, after.value, most);
    for (;;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) return out;
        DeadLetter letter;
        letter.seq.value = (*rows)->number(0);
        letter.lane = static_cast<Lane>((*rows)->integer(1));
        letter.reason = (*rows)->text(2);
        letter.resend = (*rows)->integer(3) != 0;
        auto record = unpack_record((*rows)->blob(4));
        if (!record) continue;
        letter.record = std::move(*record);
        out.push_back(std::move(letter));
    }
}

Result<Lane> LogWriter::resend(std::string_view id, Seq seq) {
    auto letters = dead(id, Seq{seq.value - 1}, 1);
    if (!letters) return std::move(letters).error();
    if (letters->empty() || letters->front().seq != seq || letters->front().resend)
        return no_letter(seq);
    const DeadLetter& letter = letters->front();
    const std::uint64_t bytes = ledger_bytes(letter.record);
    auto done = change([&](LogMemory& now) -> Result<void> {
        LaneAccount& lane = now.state.find(id)->lane(letter.lane);
        if (!lane.progress.reopen(seq, Progress::kRanges))
            return Error{Errc::busy, "log: too many records of this sink are out of order",
                         "later"};
        --lane.dead.n, lane.dead.bytes -= bytes;
        now.resend.insert({std::string(id), letter.lane, seq});
        return run("UPDATE dead SET resend = 1 WHERE sink = ? AND seq = ?", id, seq.value);
    });
    if (!done) return std::move(done).error();
    return letter.lane;
}

Result<void> LogWriter::discard(std::string_view id, Seq seq) {
    auto letters = dead(id, Seq{seq.value - 1}, 1);
    if (!letters) return std::move(letters).error();
    if (letters->empty() || letters->front().seq != seq || letters->front().resend)
        return no_letter(seq);
    const DeadLetter& letter = letters->front();
    const std::uint64_t bytes = ledger_bytes(letter.record);
    return change([&](LogMemory& now) -> Result<void> {
        LaneAccount& lane = now.state.find(id)->lane(letter.lane);
        --lane.dead.n, lane.dead.bytes -= bytes;
        lane.stop_waiting(bytes);
        lane.lose(LossCause::discarded, bytes);
        return forget_dead(now, std::string(id), seq);
    });
}

}  // namespace fog
