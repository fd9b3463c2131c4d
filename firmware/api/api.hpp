#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cloud-uplink/pump/status.hpp"
#include "firmware/api/gateway_settings.hpp"
#include "firmware/api/objects/object_store.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/metrics.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/http/router.hpp"
#include "firmware/io/ingest_ring.hpp"
#include "firmware/pipeline/pipeline.hpp"
#include "firmware/push/hub.hpp"
#include "firmware/store/store.hpp"

namespace fog {

/// The running uplinks, for the handlers. Any thread; short locks inside.
class UplinkDesk {
public:
    virtual ~UplinkDesk() = default;
    virtual std::vector<PumpStatus> uplinks() const = 0;
    /// False: no such uplink.
    virtual bool pause(std::string_view id, bool paused) = 0;
};

/// State of one serial port or MQTT source, in words.
struct LinkState {
    std::string id;
    bool up = false;
    std::string words;
    std::string address = {};  // URL of an MQTT broker, without user; "" of anything else
};

/// What the handlers work with; all of it outlives the router's use.
struct ApiParts {
    Pipeline& pipeline;
    Store& store;
    IngestRing& ring;
    const Clock& clock;
    const Limits& limits;
    Metrics& metrics;
    RecordContext records;
    ObjectStore& rules;
    UplinkDesk& uplinks;
    std::function<std::vector<LinkState>()> links;
    GatewaySettings& gateway;
    std::string version;
    MonoTime started;
    /// Empty = ready; else what is missing.
    std::function<std::string()> not_ready;
    bool metrics_open = false;
    std::string simulator_socket = {};              // empty: there is none
    std::string config_hash = {};                   // Config::hash
    std::function<std::uint16_t()> mqtt_port = {};  // of the listener; none or 0: there is none
};

/// Adds the REST resources of the gateway (openapi.yaml) except those of push and auth.
void register_api(Router& router, const ApiParts& parts);

// One function per topic; register_api() calls them all.
void register_ingest_api(Router& router, const ApiParts& parts);
void register_device_api(Router& router, const ApiParts& parts);
void register_gateway_api(Router& router, const ApiParts& parts);
void register_simulator_api(Router& router, const ApiParts& parts);
void register_registry_api(Router& router, const ApiParts& parts);
void register_history_api(Router& router, const ApiParts& parts);
void register_log_api(Router& router, const ApiParts& parts);
void register_rule_api(Router& router, const ApiParts& parts);
void register_alarm_api(Router& router, const ApiParts& parts);
void register_uplink_api(Router& router, const ApiParts& parts);
void register_system_api(Router& router, const ApiParts& parts);

/// Answers from a job on fog-pipe; 503 when it takes no more.
void answer_on_pipe(const ApiParts& parts, Responder respond,
                    std::function<Response(PipelineDesk&)> answer);
/// A route whose answer is such a job; fog-io only hands it over.
void add_pipe_route(Router& router, const ApiParts& parts, Method method, std::string pattern,
                    std::uint32_t scopes,
                    std::function<Response(const Request&, PipelineDesk&)> answer);
/// Runs `job` on fog-pipe and waits for it: for fog-api handlers that go on afterwards. False:
/// too busy, or not done within seconds.
bool wait_on_pipe(const ApiParts& parts, const std::function<void(PipelineDesk&)>& job);
/// 400 problem about a parameter of the query.
Response bad_parameter(std::string_view name, std::string_view detail);
/// 404 problem.
Response not_found(std::string_view what, std::string_view name);
/// 412 (or 428: If-Match is missing) with what is there now: `"current":{"etag":…,"value":…}`.
Response version_problem(unsigned status, std::string_view etag, std::string_view current_json,
                         std::string_view text = {});
/// Faults as a 422 problem with pointers.
Response faults_problem(std::string_view slug, std::string_view title,
                        const std::vector<Fault>& faults);

/// Acknowledges alarms for WebSocket clients (the hub's AlarmDesk) through the pipeline.
class PipelineAlarmDesk final : public AlarmDesk {
public:
    explicit PipelineAlarmDesk(Pipeline& pipeline) : pipeline_(pipeline) {}
    void acknowledge(const std::string& alarm, const std::string& note, const Principal& by,
                     Done done) override;

private:
    Pipeline& pipeline_;
};

}  // namespace fog
