#include "firmware/app/uplinks.hpp"

#include <algorithm>

#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr auto kReal = static_cast<std::uint16_t>(~flag::kSimulated);

}  // namespace

void Uplinks::open(std::span<const ObjectConfig> configs, std::vector<Fault>& faults) {
    for (const ObjectConfig& config : configs) {
        Uplink uplink;
        uplink.id = config.id;
        const auto before = faults.size();
        uplink.selection = check_uplink(config.id, config.node, site_.limits, faults);
        auto bit = site_.store.add_sink(config.id);
        if (!bit) {
            faults.push_back({"E0020", "", config.node.mark,
                              "uplink '" + config.id + "': " + bit.error().what, bit.error().hint,
                              false});
            continue;
        }
        uplink.bit = *bit;
        uplink.withheld = &site_.metrics.counter("fogline_uplink_withheld_total",
                                                 "sink=\"" + config.id + "\",reason=\"simulated\"",
                                                 "records not owed to the sink, by reason");
        auto log = site_.store.open_sink(config.id);
        if (log && faults.size() == before) {
            uplink.log = std::move(*log);
            auto pump = make_pump(config.id, config.node,
                                  {*uplink.log, site_.records, site_.limits, site_.clock,
                                   site_.metrics, site_.changed, 0});
            if (pump) uplink.pump = std::move(*pump);
        }
        // A sink with a broken file keeps its backlog: it still owes what its selection takes.
        uplinks_.push_back(std::move(uplink));
    }
}

void Uplinks::start() {
    for (Uplink& uplink : uplinks_)
        if (uplink.pump) uplink.pump->start();
}

void Uplinks::stop() {
    for (Uplink& uplink : uplinks_)
        if (uplink.pump && !uplink.pump->stop(std::chrono::milliseconds(500)))
            log_warning("uplink", "still busy at stop id=" + uplink.id);
    for (Uplink& uplink : uplinks_) uplink.pump.reset();
    for (Uplink& uplink : uplinks_) uplink.log.reset();
}

std::uint16_t Uplinks::select(const Record& record, const PointInfo* point) const {
    std::uint16_t owed = 0;
    for (const Uplink& uplink : uplinks_)
        if (uplink.selection.takes(record, point))
            owed |= static_cast<std::uint16_t>(1U << uplink.bit);
    return owed;
}

// As if it were real: see without_simulated().
std::uint16_t Uplinks::select_sample(const Record& record) {
    const PointId id = record.sample().point;
    const PointInfo* point = site_.records.points->find(id);
    if (id.value >= cache_.size()) cache_.resize(id.value + 256);
    Cached& cached = cache_[id.value];
    if (cached.point != point || point == nullptr) {
        cached.point = point;
        Record probe = record;
        probe.sample().flags &= kReal;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            probe.lane = static_cast<Lane>(lane);
            cached.owed[lane] = select(probe, point);
        }
    }
    return cached.owed[static_cast<std::size_t>(record.lane)];
}

// What a sink without `simulated = true` is not sent stands in no ledger: it is counted here.
std::uint16_t Uplinks::without_simulated(std::uint16_t owed) const {
    for (const Uplink& uplink : uplinks_) {
        const auto mask = static_cast<std::uint16_t>(1U << uplink.bit);
        if ((owed & mask) == 0 || uplink.selection.takes_simulated()) continue;
        owed = static_cast<std::uint16_t>(owed & ~mask);
        uplink.withheld->add();
    }
    return owed;
}

std::uint16_t Uplinks::owed_by(const Record& record, const std::vector<std::string>* allowed) {
    std::uint16_t owed = 0;
    bool simulated = false;
    if (record.is_sample()) {
        owed = select_sample(record);
        simulated = (record.sample().flags & flag::kSimulated) != 0;
    } else if (simulated = (record.event().flags & flag::kSimulated) != 0; simulated) {
        Record real = record;
        real.event().flags &= kReal;
        owed = select(real, nullptr);
    } else {
        owed = select(record, nullptr);
    }
    if (simulated) owed = without_simulated(owed);
    if (allowed == nullptr) return owed;
    std::uint16_t may = 0;
    for (const Uplink& uplink : uplinks_)
        if (std::find(allowed->begin(), allowed->end(), uplink.id) != allowed->end())
            may |= static_cast<std::uint16_t>(1U << uplink.bit);
    return owed & may;
}

std::vector<PumpStatus> Uplinks::uplinks() const {
    std::vector<PumpStatus> all;
    for (const Uplink& uplink : uplinks_) {
        if (uplink.pump) {
            all.push_back(uplink.pump->status());
            continue;
        }
        PumpStatus status;
        status.sink = uplink.id;
        status.state = PumpState::failed;
        status.words = "not started: its configuration has faults";
        all.push_back(std::move(status));
    }
    return all;
}

bool Uplinks::pause(std::string_view id, bool paused) {
    for (Uplink& uplink : uplinks_) {
        if (uplink.id != id || !uplink.pump) continue;
        paused ? uplink.pump->pause() : uplink.pump->resume();
        return true;
    }
    return false;
}

}  // namespace fog
