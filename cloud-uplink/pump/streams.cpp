#include "cloud-uplink/pump/streams.hpp"

#include <algorithm>

#include "cloud-uplink/encode/payload.hpp"

namespace fog {
namespace {

constexpr std::chrono::seconds kLookBack{1};

}  // namespace

void Streams::restart() {
    streams_.clear();
    boundary_ = log_.head();
    const bool split = options_.order == PumpOptions::Order::fresh_first;
    for (const Lane lane : {Lane::alarm, Lane::reply, Lane::live, Lane::bulk}) {
        Stream backlog;
        backlog.lane = lane;
        backlog.after = log_.cursor(lane);
        if (split) {
            Stream fresh;
            fresh.lane = lane;
            fresh.after = boundary_;
            streams_.push_back(std::move(fresh));
            backlog.upto = boundary_;
        }
        streams_.push_back(std::move(backlog));
    }
}

Result<void> Streams::fill(std::size_t low, MonoTime now) {
    seen_ = log_.head();
    for (Stream& stream : streams_) {
        look_back(stream, now);
        if (stream.queue.size() >= low) continue;
        if (stream.dry && (*stream.dry == seen_ || stream.upto != Seq{})) continue;
        if (auto read = fill(stream, seen_); !read) return read;
    }
    return {};
}

/// A quarantined record that is owed again lies behind what was read. Reading again from the cursor
/// finds it, and nothing that was settled.
void Streams::look_back(Stream& stream, MonoTime now) {
    if (!stream.queue.empty() || now - stream.looked_back < kLookBack) return;
    stream.looked_back = now;
    const bool fresh = stream.upto == Seq{} && options_.order == PumpOptions::Order::fresh_first;
    const Seq from =
        fresh ? std::max(log_.cursor(stream.lane), boundary_) : log_.cursor(stream.lane);
    if (from >= stream.after) return;
    stream.after = from;
    stream.dry.reset();
}

Result<void> Streams::fill(Stream& stream, Seq head) {
    auto page = log_.owed(stream.lane, stream.after, options_.batch_records);
    if (!page) return std::move(page).error();
    if (page->size() < options_.batch_records) stream.dry = head;
    for (Record& record : *page) {
        if (stream.upto != Seq{} && record.seq > stream.upto) {
            stream.dry = head;
            break;
        }
        stream.after = record.seq;
        stream.queue.push_back(std::move(record));
    }
    return {};
}

Traffic Streams::traffic(const Stream& stream) const {
    if (stream.lane == Lane::alarm) return Traffic::alarm;
    if (stream.lane == Lane::reply) return Traffic::reply;
    if (!stream.queue.empty() && stream.queue.front().seq <= boundary_) return Traffic::catch_up;
    return stream.lane == Lane::live ? Traffic::live : Traffic::bulk;
}

bool Streams::ripe(const Stream& stream, MonoTime now, std::size_t most) const {
    if (stream.queue.empty()) return false;
    const auto age = options_.batch_age[static_cast<std::size_t>(stream.lane)];
    const MonoTime received = stream.queue.front().received();
    // Later than now: received before the last boot, so old.
    return traffic(stream) == Traffic::catch_up || stream.queue.size() >= most || received > now ||
           now - received >= age;
}

Batch Streams::cut(std::size_t index, const Take& take) const {
    const Stream& stream = streams_[index];
    Batch batch;
    batch.stream = index;
    batch.traffic = traffic(stream);
    const bool catching_up = batch.traffic == Traffic::catch_up;
    for (std::size_t place = 0; place < stream.queue.size(); ++place) {
        const Record& record = stream.queue[place];
        const bool old = record.seq <= boundary_;
        if (batch.records.size() >= take.records || (catching_up && !old)) break;
        if (take.skips(record.seq)) continue;
        const auto bytes = estimated_bytes(record);
        if (!batch.records.empty() && batch.bytes + bytes > options_.batch_bytes) break;
        batch.records.push_back({&record, old});
        batch.places.push_back(place);
        batch.bytes += bytes;
    }
    return batch;
}

std::optional<std::size_t> Streams::pick(Traffic kind, MonoTime now, const Take& take) const {
    std::optional<std::size_t> best;
    for (std::size_t n = 0; n < streams_.size(); ++n) {
        const Stream& stream = streams_[n];
        if (traffic(stream) != kind || !ripe(stream, now, take.records)) continue;
        if (std::all_of(stream.queue.begin(), stream.queue.end(),
                        [&take](const Record& record) { return take.skips(record.seq); }))
            continue;
        // New alarms before old ones (their stream comes first); catch-up in the order of the log.
        const bool older = best && kind == Traffic::catch_up &&
                           stream.queue.front().seq < streams_[*best].queue.front().seq;
        if (!best || older) best = n;
    }
    return best;
}

Waiting Streams::waiting(MonoTime now, const Take& take) const {
    Waiting out{};
    for (std::size_t n = 0; n < kTraffics; ++n)
        if (const auto index = pick(static_cast<Traffic>(n), now, take))
            out[n] = cut(*index, take).bytes;
    return out;
}

Batch Streams::next(Traffic traffic, MonoTime now, const Take& take) const {
    const auto index = pick(traffic, now, take);
    return index ? cut(*index, take) : Batch{};
}

void Streams::erase(std::size_t stream, const std::vector<std::size_t>& places) {
    auto& queue = streams_[stream].queue;
    std::size_t prefix = 0;
    while (prefix < places.size() && places[prefix] == prefix) ++prefix;
    for (std::size_t n = places.size(); n > prefix; --n)
        queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(places[n - 1]));
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(prefix));
}

std::optional<MonoTime> Streams::due(MonoTime now) const {
    std::optional<MonoTime> soonest;
    for (const Stream& stream : streams_) {
        if (stream.queue.empty()) continue;
        const auto age = options_.batch_age[static_cast<std::size_t>(stream.lane)];
        const MonoTime at = std::max(now, stream.queue.front().received() + age);
        if (!soonest || at < *soonest) soonest = at;
    }
    return soonest;
}

}  // namespace fog
