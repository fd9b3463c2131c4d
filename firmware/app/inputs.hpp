#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "drivers/driver.hpp"
#include "firmware/api/api.hpp"
#include "firmware/config/config.hpp"
#include "firmware/io/ingest_ring.hpp"
#include "firmware/pipeline/pipeline.hpp"

namespace fog {

/// Ports and MQTT sources: makes their drivers and takes what they hear into the ingest ring.
/// Threads: open, start and stop by one owner; the Sinks side any driver thread; links() fog-pipe.
class Inputs final : public Sinks {
public:
    Inputs(IngestRing& ring, Pipeline& pipeline, const Clock& clock, const Limits& limits,
           Metrics& metrics);
    ~Inputs() override;
    Inputs(const Inputs&) = delete;
    Inputs& operator=(const Inputs&) = delete;

    /// A broken object is left out with its faults, the others run.
    void open(std::span<const ObjectConfig> ports, std::span<const ObjectConfig> mqtt_sources,
              std::vector<Fault>& faults);
    void start();
    void stop();
    std::vector<LinkState> links() const;
    /// Words of a link that is down, null for one that is up or not known.
    const std::string* fault_of(std::string_view source) const;

    bool readings(std::string_view link, std::span<const Reading> readings, bool durable) override;
    bool message(std::string_view source, std::string_view topic,
                 std::span<const std::byte> payload, bool retained, bool duplicate,
                 bool durable) override;
    void raw(std::string_view link, std::span<const std::byte> bytes,
             std::string_view why) override;
    void link_state(std::string_view link, bool up, std::string_view words) override;

private:
    bool push(IngestItem& item, bool durable);
    void count(const std::string& link, const std::shared_ptr<Driver>& driver);
    void add(const ObjectConfig& object, std::string_view type, std::vector<Fault>& faults);

    IngestRing& ring_;
    Pipeline& pipeline_;
    const Clock& clock_;
    Counter& refused_;
    Metrics& metrics_;
    std::vector<std::shared_ptr<Driver>> drivers_;         // shared with the metrics that ask them
    std::map<std::string, LinkState, std::less<>> links_;  // fog-pipe's
    std::map<std::string, std::string, std::less<>> addresses_;  // of brokers; not changed later
    std::set<std::string, std::less<>> simulated_;  // links of fogsim; not changed later
    std::atomic<bool> stopping_{false};
};

}  // namespace fog
