#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cloud-uplink/encode/payload.hpp"
#include "cloud-uplink/sink.hpp"
#include "firmware/io/mqtt_client.hpp"

namespace fog {

/// The MQTT sink's part of an uplink's configuration, checked.
struct MqttSinkSettings {
    MqttOptions connection;
    MessageShape shape;
    std::string state_topic;  // empty: no will, no state
};

/// Reads the sink's keys; faults go to the view, absent ones get their default.
MqttSinkSettings read_mqtt_sink(std::string_view id, ConfigView& config, const SinkSite& site);

}  // namespace fog
