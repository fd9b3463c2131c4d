#include "drivers/driver.hpp"
#include "drivers/mqtt/source.hpp"

namespace fog {
namespace {

constexpr std::string_view kSchema = R"({
 "type": "object", "additionalProperties": false, "required": ["url"],
 "properties": {
  "id": {"type": "string", "description": "shown to people; default: the host"},
  "url": {"type": "string", "description": "mqtt://host:1883 or mqtts://host:8883"},
  "client_id": {"type": "string", "description": "default: fogline-<id>-<machine>"},
  "user": {"type": "string"},
  "password": {"type": "string", "format": "password"},
  "ca_file": {"type": "string", "description": "PEM; default: the system's authorities"},
  "cert_file": {"type": "string", "description": "PEM client certificate"},
  "key_file": {"type": "string", "description": "PEM key of it"},
  "keep_alive": {"type": "string", "default": "30 s"},
  "topics": {"type": "array", "items": {"type": "string"}, "default": ["#"]},
  "qos": {"type": "integer", "enum": [0, 1], "default": 1},
  "level": {"type": "string", "enum": ["held", "durable"], "default": "held"},
  "retry_min": {"type": "string", "default": "1 s"},
  "retry_max": {"type": "string", "default": "60 s"}
 }
})";

std::unique_ptr<Driver> make(ConfigView& config) {
    return std::make_unique<MqttSource>(read_mqtt_source(config));
}

}  // namespace

extern const DriverInfo mqtt_driver;
const DriverInfo mqtt_driver{.name = "mqtt",
                             .summary = "Messages of an external MQTT broker",
                             .schema = kSchema,
                             .make_codec = nullptr,
                             .make_poller = nullptr,
                             .make_driver = make};

}  // namespace fog
