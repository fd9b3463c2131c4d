#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloud-uplink/pump/pump.hpp"
#include "cloud-uplink/pump/selection.hpp"
#include "firmware/api/api.hpp"
#include "firmware/config/config.hpp"
#include "firmware/pipeline/pipeline.hpp"

namespace fog {

/// All uplinks of the configuration: their selections at commit time, their pumps, their state as
/// events. open() before the pipeline starts, start() after; then owed_by() is fog-pipe's.
class Uplinks final : public SinkChooser, public UplinkDesk {
public:
    struct Site {
        Store& store;
        RecordContext records;
        const Limits& limits;
        const Clock& clock;
        Metrics& metrics;
        /// Tells about a change of state, on fog-up-<sink>.
        std::function<void(const PumpStatus&)> changed;
    };
    explicit Uplinks(Site site) : site_(std::move(site)) {}

    /// Registers what is configured; a broken one is left out with its faults, the others run.
    void open(std::span<const ObjectConfig> configs, std::vector<Fault>& faults);
    void start();
    void stop();

    std::uint16_t owed_by(const Record& record, const std::vector<std::string>* allowed) override;
    std::vector<PumpStatus> uplinks() const override;
    bool pause(std::string_view id, bool paused) override;

private:
    struct Uplink {
        std::string id;
        std::uint8_t bit = 0;
        Selection selection;
        Counter* withheld = nullptr;  // simulated records it would have taken
        std::unique_ptr<SinkLog> log;
        std::unique_ptr<Pump> pump;
    };
    struct Cached {
        const PointInfo* point = nullptr;
        std::array<std::uint16_t, kLanes> owed{};
    };
    std::uint16_t select(const Record& record, const PointInfo* point) const;
    std::uint16_t select_sample(const Record& record);
    std::uint16_t without_simulated(std::uint16_t owed) const;

    Site site_;
    std::vector<Uplink> uplinks_;
    std::vector<Cached> cache_;  // by PointId
};

}  // namespace fog
