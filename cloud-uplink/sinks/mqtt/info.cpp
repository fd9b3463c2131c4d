#include "cloud-uplink/sinks/mqtt/sink.hpp"

namespace fog {
namespace {

constexpr std::string_view kSchema = R"json({
  "type": "object",
  "required": ["url"],
  "properties": {
    "url": {"type": "string", "title": "Broker", "description": "mqtt://host:1883 or mqtts://host:8883"},
    "client_id": {"type": "string", "title": "Client id", "description": "default fogline-<gateway>-<uplink>"},
    "user": {"type": "string", "title": "User"},
    "password": {"type": "string", "title": "Password", "writeOnly": true},
    "ca_file": {"type": "string", "title": "Authority (PEM file)"
}
, "cert_file" : {"type" : "string", "title" : "Client certificate (PEM file)"},
                "key_file" : {"type" : "string", "title" : "Client key (PEM file)"},
                             "keep_alive"
    : {"type" : "string", "title" : "Keep-alive", "default" : "30 s"},
      "window" : {
          "type" : "integer",
          "title" : "Messages in flight",
          "minimum" : 1,
          "maximum" : 1000,
          "default" : 20
      },
                 "payload"
    : {"enum" : [ "record", "batch" ], "title" : "Payload", "default" : "record"},
      "topic"
    : {"type" : "string", "title" : "Topic of samples", "default" : "fogline/{gw}/{dev}/{pt}"},
      "events_topic"
    : {"type" : "string", "title" : "Topic of events", "default" : "fogline/{gw}/events/{kind}"},
      "state_topic"
    : {"type" : "string", "title" : "Topic of our own state", "default" : "fogline/{gw}/state"},
      "message_bytes" : {
    "type" : "string", "title" : "Largest batch message", "default" : "64 KiB"
}
}
})json";

std::unique_ptr<Sink> make(std::string_view id, ConfigView& config, const SinkSite& site) {
    return std::make_unique<MqttSink>(read_mqtt_sink(id, config, site), site, id);
}

}  // namespace

extern const SinkInfo mqtt_sink{"mqtt", "MQTT 3.1.1 broker, QoS 1, JSON records", kSchema, make};

}  // namespace fog
