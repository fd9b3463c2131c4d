#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fog {

/// Every bound of the product, in one place. What goes beyond one is refused or dropped, and
/// counted. Config section `limits` may override the members marked (c).
struct Limits {
    // ingest
    std::size_t ring_bytes = 4U << 20U;      // (c) then the source waits
    std::size_t payload_bytes = 64U << 10U;  // MQTT and HTTP message; larger: rejected
    std::size_t topic_bytes = 512;
    std::size_t topic_levels = 20;
    std::size_t json_depth = 32;
    std::size_t flatten_depth = 5;
    std::size_t object_keys = 64;
    std::size_t samples_per_message = 64;
    std::size_t string_value_bytes = 256;  // cut, quality uncertain
    std::size_t name_bytes = 64;           // device and point ids
    std::size_t topic_cache = 10'000;
    // serial
    std::size_t line_bytes = 1024;
    std::size_t frame_bytes = 1024;
    // registry
    std::size_t devices = 2'000;
    std::size_t points = 5'000;
    std::size_t points_per_device = 256;
    std::size_t new_devices_per_minute = 60;
    std::size_t provisional_devices = 500;  // waiting for a person; then newcomers are held back
    std::size_t raw_kept = 200;             // undecodable messages remembered for people
    std::size_t raw_bytes = 4096;           // of each
    std::size_t messages_kept = 200;        // devices whose last message is remembered for people
    std::size_t message_bytes = 1024;       // of each; in all 200 KiB and their topics
    // rules
    std::size_t rules = 1'000;
    std::size_t rule_instances = 10'000;
    std::size_t rule_inputs = 16;
    std::size_t rule_steps = 32;
    std::size_t rule_actions = 16;
    std::size_t expression_nodes = 500;
    std::size_t expression_depth = 32;
    std::uint32_t evaluation_steps = 10'000;
    std::size_t errors_listed = 20;
    // store
    std::size_t store_queue_records = 16'384;  // then bulk, then live are shed
    std::size_t store_queue_alarms = 1'024;    // places of their own
    std::size_t awaited_batches = 1U << 20U;   // a ring of 64 MiB holds no more entries
    std::uint64_t log_bytes = 1ULL << 30U;     // (c) hard cap, then each lane's policy
    std::size_t sinks = 16;
    std::size_t event_bytes = 8U << 10U;
    std::size_t raw_record_bytes = 144U << 10U;  // payload_bytes and a topic as JSON
    // http and push
    std::size_t clients = 10'000;             // then 503
    std::size_t clients_per_address = 2'000;  // then 429
    std::size_t header_bytes = 16U << 10U;    // 431
    std::size_t body_bytes = 1U << 20U;       // 413
    std::size_t ingest_body_bytes = 4U << 20U;
    std::chrono::seconds header_timeout{10};  // 408
    std::chrono::seconds body_timeout{30};
    std::chrono::seconds idle_timeout{60};    // keep-alive between requests
    std::size_t api_queue = 1'024;            // then 503
    std::size_t patterns_per_client = 1'000;  // 422
    std::size_t channel_bytes = 512;
    std::size_t channel_levels = 16;
    std::size_t client_queue_bytes = 256U << 10U;    // then the client's slow policy
    std::size_t client_queue_reserved = 64U << 10U;  // of it for alarms and replies
    std::size_t push_ring_bytes = 4U << 20U;         // recent frames; older ones come from the log
    std::size_t replay_page = 500;
    std::size_t replay_max = 10'000;
    std::size_t replays_at_once = 4;
    std::size_t ws_message_bytes = 64U << 10U;  // 1009
    // MQTT listener
    std::size_t mqtt_clients = 10'000;             // then 0x97
    std::size_t mqtt_clients_per_address = 1'000;  // then 0x9F
    std::size_t mqtt_unconnected = 1'000;          // without CONNECT; then the oldest gives way
    std::size_t mqtt_packet_bytes = 4U << 20U;     // 0x95
    std::size_t mqtt_partial_bytes = 16U << 20U;   // of all begun packets; then they are not read
    std::size_t mqtt_client_id_bytes = 256;        // 0x85
    std::size_t mqtt_will_bytes = 64U << 10U;      // 0x95
    std::size_t mqtt_window = 100;                 // messages in flight to a v5 client
    std::size_t mqtt_window_v3 = 20;
    std::size_t mqtt_aliases = 32;
    std::size_t mqtt_filters = 1'000;       // of a client; then 0x97
    std::size_t mqtt_filters_all = 50'000;  // then 0x97
    std::size_t mqtt_sessions = 1'000;      // that outlive their connections; then they do not
    std::size_t mqtt_received_ids = 2'000;  // QoS 2 between PUBREC and PUBREL; then it is closed
    std::size_t mqtt_logged_queue = 64;     // messages of the log queued for one; it reads the rest
    std::size_t mqtt_logged_properties = 8U << 10U;  // of a publish kept for a session; then 0x97
    std::size_t mqtt_retained = 10'000;              // topics; then 0x97
    std::size_t mqtt_retained_bytes = 16U << 20U;
    std::chrono::seconds mqtt_connect_timeout{5};
    // uplink
    std::size_t uplink_window = 20;  // messages in flight
    std::size_t batch_records = 500;
    std::size_t batch_bytes = 64U << 10U;
    std::size_t dead_bytes = 8U << 20U;
};

}  // namespace fog
