#include "firmware/store/store_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "firmware/store/block.hpp"

namespace fog {
namespace {

constexpr std::array<Lane, kLanes> kLeastUrgentFirst = {Lane::bulk, Lane::live, Lane::reply,
                                                        Lane::alarm};

constexpr std::size_t kMostLost = 4096;  // ranges told one by one

std::size_t index(Lane lane) {
    return static_cast<std::size_t>(lane);
}

std::size_t memory_of(const QueuedBatch& batch) {
    if (!batch.records) return 0;
    std::size_t bytes = 0;
    for (const Record& record : *batch.records)
        if (batch.has(record.lane)) bytes += sizeof(Record) + ledger_bytes(record);
    return bytes;
}

template <class Map>
void take_newer(Map& into, Map newer) {
    if (into.empty()) {
        into = std::move(newer);
        return;
    }
    for (auto& [key, value] : newer) into.insert_or_assign(key, std::move(value));
}

template <class List>
void append_list(List& into, List more) {
    into.insert(into.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

}  // namespace

void ShedRecords::add(const Record& record) {
    any = true;
    const auto bytes = ledger_bytes(record);
    for (std::size_t bit = 0; bit < by_sink.size(); ++bit)
        if (((record.sinks >> bit) & 1U) != 0) by_sink[bit][index(record.lane)].add(bytes);
    add_hole({Seq{record.seq.value - 1}, record.seq, record.lane, MissingReason::evicted, 1});
}

void ShedRecords::add_hole(const Hole& hole) {
    for (auto last = holes.rbegin(); last != holes.rend(); ++last) {
        if (last->lane != hole.lane) continue;
        const bool neighbours = last->to == hole.from;
        if (!neighbours && holes.size() < kHoles) break;
        last->to = hole.to;
        last->n += hole.n;
        return;
    }
    holes.push_back(hole);
}

void ShedRecords::merge(const ShedRecords& other) {
    any = any || other.any;
    for (std::size_t bit = 0; bit < by_sink.size(); ++bit)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            by_sink[bit][lane].n += other.by_sink[bit][lane].n;
            by_sink[bit][lane].bytes += other.by_sink[bit][lane].bytes;
        }
    for (const Hole& hole : other.holes) add_hole(hole);
}

bool Work::empty() const {
    return batches.empty() && state.empty() && points.empty() && devices.empty() && boots.empty() &&
           settles.empty() && !queue_shed.any && !ram_shed.any && ring_entry == 0;
}

void Work::merge(Work&& later) {
    append_list(batches, std::move(later.batches));
    append_list(boots, std::move(later.boots));
    append_list(settles, std::move(later.settles));
    append_list(tasks, std::move(later.tasks));
    for (const SeqRange& range : later.lost) add_lost(range);
    take_newer(state, std::move(later.state));
    take_newer(points, std::move(later.points));
    take_newer(devices, std::move(later.devices));
    queue_shed.merge(later.queue_shed);
    ram_shed.merge(later.ram_shed);
    for (std::size_t lane = 0; lane < kLanes; ++lane) records[lane] += later.records[lane];
    ring_entry = std::max(ring_entry, later.ring_entry);
    upto = std::max(upto, later.upto);
}

// Bounded: beyond that the stretch between two losses counts as lost too, so that nothing is
// acknowledged that may not be there.
void Work::add_lost(const SeqRange& range) {
    if (!lost.empty() && lost.back().to <= range.from &&
        (lost.back().to == range.from || lost.size() >= kMostLost))
        lost.back().to = range.to;
    else
        lost.push_back(range);
}

void Work::shrink(std::size_t bytes) {
    std::size_t held = 0;
    for (const auto& batch : batches) held += memory_of(batch);
    for (const Lane lane : kLeastUrgentFirst) {
        for (auto& batch : batches) {
            if (held <= bytes) return;
            if (!batch.records || !batch.has(lane)) continue;
            auto kept = std::make_shared<std::vector<Record>>();
            for (const Record& record : *batch.records) {
                if (!batch.has(record.lane)) continue;
                if (record.lane != lane) {
                    kept->push_back(record);
                    continue;
                }
                ram_shed.add(record);
                --records[index(lane)];
                held -= sizeof(Record) + ledger_bytes(record);
                add_lost({Seq{record.seq.value - 1}, record.seq});
            }
            batch = {std::move(kept), 0};
        }
    }
    std::erase_if(batches, [](const QueuedBatch& b) { return !b.records || b.records->empty(); });
}

std::uint8_t StoreQueue::admit(const std::array<std::size_t, kLanes>& counts, Appended& out) const {
    const auto& waiting = work_.records;
    std::size_t general = waiting[index(Lane::live)] + waiting[index(Lane::bulk)];
    std::size_t urgent = waiting[index(Lane::alarm)] + waiting[index(Lane::reply)];
    general += urgent > options_.urgent ? urgent - options_.urgent : 0;
    std::uint8_t shed = 0;
    const auto refuse = [&](Lane lane) {
        shed = static_cast<std::uint8_t>(shed | (1U << index(lane)));
        out.shed[index(lane)] = static_cast<std::uint32_t>(counts[index(lane)]);
    };
    for (const Lane lane : {Lane::alarm, Lane::reply, Lane::live, Lane::bulk}) {
        const std::size_t count = counts[index(lane)];
        if (count == 0) continue;
        const bool has_places = lane == Lane::alarm || lane == Lane::reply;
        if (has_places && urgent + count <= options_.urgent) {
            urgent += count;
            continue;
        }
        const auto limit = lane == Lane::bulk ? options_.records / 4 * 3 : options_.records;
        if (general + count > limit)
            refuse(lane);
        else
            general += count;
    }
    return shed;
}

Appended StoreQueue::append(StoreBatch batch) {
    Appended out;
    std::array<std::size_t, kLanes> counts{};
    std::size_t bytes = 0;
    if (batch.records)
        for (const Record& record : *batch.records) {
            ++counts[index(record.lane)];
            bytes += ledger_bytes(record);
        }
    const auto now = std::chrono::steady_clock::now();
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        const bool was_idle = !first_.has_value();
        QueuedBatch queued{std::move(batch.records), admit(counts, out)};
        bool any = false;
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            if (queued.has(static_cast<Lane>(lane))) {
                work_.records[lane] += counts[lane];
                any = any || counts[lane] > 0;
            }
        if (queued.shed_lanes != 0)
            for (const Record& record : *queued.records)
                if (!queued.has(record.lane)) {
                    work_.queue_shed.add(record);
                    work_.add_lost({Seq{record.seq.value - 1}, record.seq});
                }
        if (queued.records && !queued.records->empty())
            work_.upto = std::max(work_.upto, queued.records->back().seq);
        if (any) work_.batches.push_back(std::move(queued));
        for (auto& write : batch.state)
            work_.state.insert_or_assign(std::move(write.key), std::move(write.value));
        for (auto& row : batch.points) work_.points.insert_or_assign(row.id.value, std::move(row));
        for (auto& row : batch.devices) {
            const std::string id = row.id;
            work_.devices.insert_or_assign(id, std::move(row));
        }
        work_.ring_entry = std::max(work_.ring_entry, batch.ring_entry);
        bytes_ += bytes;
        if (!first_) first_ = now;
        if (batch.waiters > 0 && !first_waiter_) first_waiter_ = now, wake = true;
        waiters_ += batch.waiters;
        wake = wake || was_idle || due(now);
    }
    if (wake) ready_.notify_one();
    return out;
}

void StoreQueue::settle(SettleBatch batch) {
    {
        const std::lock_guard lock(mutex_);
        work_.settles.push_back(std::move(batch));
        if (!first_) first_ = std::chrono::steady_clock::now();
    }
    ready_.notify_one();
}

void StoreQueue::boot_line(const BootTable::Line& line) {
    {
        const std::lock_guard lock(mutex_);
        work_.boots.push_back(line);
        if (!first_) first_ = std::chrono::steady_clock::now();
    }
    ready_.notify_one();
}

bool StoreQueue::task(Work::Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return false;
        work_.tasks.push_back(std::move(task));
    }
    ready_.notify_one();
    return true;
}

bool StoreQueue::wait_room(std::size_t records, std::chrono::nanoseconds wait) {
    std::unique_lock lock(mutex_);
    return room_.wait_for(
        lock, wait, [&] { return closed_ || work_.total() + records <= options_.records / 4 * 3; });
}

void StoreQueue::hurry(std::uint64_t entry) {
    {
        const std::lock_guard lock(mutex_);
        if (entry <= hurry_ || entry <= taken_) return;
        hurry_ = entry;
        if (work_.ring_entry < hurry_) return;  // append() sees to it
    }
    ready_.notify_one();
}

void StoreQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    ready_.notify_all();
    room_.notify_all();
}

bool StoreQueue::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

std::size_t StoreQueue::depth() const {
    const std::lock_guard lock(mutex_);
    return work_.total();
}

bool StoreQueue::due() const {
    const std::lock_guard lock(mutex_);
    return due(std::chrono::steady_clock::now());
}

bool StoreQueue::due(Time now) const {
    if (closed_ || !work_.tasks.empty()) return true;
    const auto& records = work_.records;
    if (records[index(Lane::alarm)] + records[index(Lane::reply)] > 0) return true;
    if (waiters_ >= options_.most_waiters || work_.total() >= options_.commit_records ||
        bytes_ >= options_.commit_bytes)
        return true;
    if (hurry_ > taken_ && work_.ring_entry >= hurry_) return true;
    return (first_ || first_waiter_) && now >= deadline();
}

StoreQueue::Time StoreQueue::deadline() const {
    auto at = Time::max();
    if (first_) at = std::min(at, *first_ + options_.linger);
    if (first_waiter_) at = std::min(at, *first_waiter_ + options_.waiter_window);
    return at;
}

Work StoreQueue::take(std::optional<Time> until) {
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        if (due(now) || (until && now >= *until)) break;
        auto at = deadline();
        if (until) at = std::min(at, *until);
        if (at == Time::max())
            ready_.wait(lock);
        else
            ready_.wait_until(lock, at);
    }
    Work out = std::exchange(work_, Work{});
    taken_ = std::max(taken_, out.ring_entry);
    bytes_ = waiters_ = 0;
    first_.reset();
    first_waiter_.reset();
    lock.unlock();
    room_.notify_all();
    return out;
}

}  // namespace fog
