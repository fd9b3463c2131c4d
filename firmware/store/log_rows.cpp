#include <algorithm>
#include <string>
#include <utility>

#include "firmware/store/log_writer.hpp"

namespace fog {
namespace {

constexpr std::uint64_t kFrameBytes = kPageBytes + 24;  // of the WAL

}  // namespace

Result<std::vector<PointRow>> LogWriter::points() {
    auto rows =
        statement("SELECT id, device, point, unit, diagnostic, data FROM point ORDER BY id");
    if (!rows) return std::move(rows).error();
    std::vector<PointRow> out;
    for ((*rows)->reset();;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) return out;
        out.push_back({PointId{static_cast<std::uint32_t>((*rows)->integer(0))},
                       std::string((*rows)->text(1)), std::string((*rows)->text(2)),
                       std::string((*rows)->text(3)), (*rows)->integer(4) != 0, (*rows)->bytes(5)});
    }
}

Result<std::vector<DeviceRow>> LogWriter::devices() {
    auto rows = statement("SELECT id, key, name, data FROM device ORDER BY id");
    if (!rows) return std::move(rows).error();
    std::vector<DeviceRow> out;
    for ((*rows)->reset();;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row) return out;
        out.push_back({std::string((*rows)->text(0)), std::string((*rows)->text(1)),
                       std::string((*rows)->text(2)), (*rows)->bytes(3)});
    }
}

Result<std::vector<StateWrite>> LogWriter::state_rows(std::string_view prefix) {
    auto rows = statement("SELECT key, value FROM state WHERE key >= ? ORDER BY key");
    if (!rows) return std::move(rows).error();
    std::vector<StateWrite> out;
    (*rows)->with(prefix);
    for (;;) {
        auto row = (*rows)->row();
        if (!row) return std::move(row).error();
        if (!*row || (*rows)->text(0).substr(0, prefix.size()) != prefix) break;
        out.push_back({std::string((*rows)->text(0)), (*rows)->bytes(1)});
    }
    (*rows)->reset();
    return out;
}

StoreStatus LogWriter::status() const {
    StoreStatus out;
    const double hours =
        std::chrono::duration<double, std::ratio<3600>>(options_.clock->mono() - opened_at_)
            .count();
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const LaneStock& stock = memory_.stock[lane];
        LaneStatus& to = out.lanes[lane];
        to.records = stock.records;
        to.bytes = stock.bytes;
        to.budget = usable_bytes_ / 100 * options_.share_percent[lane];
        to.segments = stock.segments;
        to.tail_rows = stock.tail_rows;
        const auto older = [&to](bool any, Seq seq) {
            if (any && (to.oldest.value == 0 || seq < to.oldest)) to.oldest = seq;
        };
        older(stock.segments > 0, stock.segment_from);
        older(stock.tail_rows > 0, stock.tail_from);
        older(stock.events > 0, stock.event_from);
        to.history_trimmed = memory_.state.trimmed[lane];
        const double rate = hours > 0.001 ? static_cast<double>(added_[lane]) / hours : 0;
        const double room = static_cast<double>(to.budget) - static_cast<double>(to.bytes);
        if (rate > 0) to.hours_until_full = std::max(0.0, room / rate);
    }
    out.committed = memory_.state.committed;
    out.ring_entry = memory_.state.ring_entry;
    out.commits = commits_;
    out.database_bytes = page_count_ * static_cast<std::uint64_t>(kPageBytes);
    out.wal_bytes = static_cast<std::uint64_t>(wal_high_) * kFrameBytes;
    out.max_bytes = options_.max_bytes;
    out.raw_bytes = memory_.raw_bytes;
    out.raw_max = options_.raw_max;
    out.raw_evicted = memory_.state.raw_evicted.n;
    out.raw_evicted_bytes = memory_.state.raw_evicted.bytes;
    out.alarm_reserve_full = memory_.alarm_reserve_full;
    out.wear = memory_.state.wear;
    return out;
}

}  // namespace fog
