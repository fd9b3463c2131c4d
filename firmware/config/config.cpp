#include "firmware/config/config.hpp"

#include <algorithm>

#include "firmware/config/layers.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;

void in_range(ConfigView& view, std::string_view key, std::chrono::nanoseconds& value,
              std::chrono::nanoseconds lowest, std::chrono::nanoseconds highest) {
    if (value >= lowest && value <= highest) return;
    view.fault(key, "E0004",
               "'" + std::string(key) + "' is " + duration_text(value) + ", allowed is " +
                   duration_text(lowest) + " to " + duration_text(highest));
    value = std::clamp(value, lowest, highest);
}

std::uint64_t size_in(ConfigView& view, std::string_view key, std::uint64_t otherwise,
                      std::uint64_t lowest, std::uint64_t highest) {
    const std::uint64_t value = view.size(key, otherwise);
    if (value >= lowest && value <= highest) return value;
    view.fault(key, "E0004",
               "'" + std::string(key) + "' is outside of " + std::to_string(lowest / kKiB) +
                   " KiB to " + std::to_string(highest / kKiB) + " KiB");
    return otherwise;
}

GatewaySection read_gateway(ConfigView view) {
    GatewaySection out;
    out.name = view.text("name");
    out.id = view.text("id");
    if (!out.id.empty() && !valid_object_id(out.id))
        view.fault("id", "E0021", "'" + out.id + "' is not a gateway id",
                   "lower-case letters, digits and '-', at most 63");
    if (out.name.size() > Limits{}.name_bytes)
        view.fault("name", "E0004", "'name' is longer than 64 bytes");
    view.done();
    return out;
}

HttpSection read_http(ConfigView view) {
    HttpSection out;
    out.listen = view.texts("listen");
    out.port = static_cast<std::uint16_t>(view.integer("port", out.port, 0, 65535));
    out.allowed_hosts = view.texts("allowed_hosts");
    out.claim_from_lan = view.flag("claim_from_lan", out.claim_from_lan);
    view.done();
    return out;
}

// "35 %"; a bare number leaves open whether it is a part or a percentage.
double share(ConfigView& view, std::string_view key, double otherwise) {
    const Node* at = view.raw(key);
    if (at == nullptr) return otherwise;
    std::string_view number = at->string() != nullptr ? trim(*at->string()) : std::string_view();
    const bool percent = number.ends_with('%');
    if (percent) number.remove_suffix(1);
    const auto value = parse_double(trim(number));
    if (percent && value && *value >= 0 && *value <= 100) return *value / 100;
    view.fault(key, "E0005", "'" + std::string(key) + "' must be 0 % to 100 %",
               "for example \"35 %\"");
    return otherwise;
}

void read_lanes(ConfigView view, LogSection& log) {
    const std::array<LaneSection, kLanes> defaults = {{
        {0.10, 90 * 24h, "oldest"},
        {0.05, 24h, "oldest"},
        {0.35, 30 * 24h, "thin"},
        {0.50, 30 * 24h, "oldest"},
    }};
    double sum = 0;
    for (std::size_t i = 0; i < kLanes; ++i) {
        ConfigView lane = view.table(to_text(static_cast<Lane>(i)));
        LaneSection& out = log.lanes[i];
        out.share = share(lane, "share", defaults[i].share);
        out.max_age = lane.duration("max_age", defaults[i].max_age);
        out.policy = lane.choice("policy", defaults[i].policy, {"oldest", "thin", "reject"});
        lane.done();
        sum += out.share;
    }
    if (sum > 1.0 + 1e-9)
        view.fault("", "E0004", "the shares of the lanes add up to more than 100 %");
    view.done();
}

LogSection read_log(ConfigView view, Limits& limits) {
    LogSection out;
    if (view.has("max_bytes")) {
        out.max_bytes = size_in(view, "max_bytes", limits.log_bytes, 4 * kMiB, kMiB * kMiB);
        limits.log_bytes = *out.max_bytes;
    } else {
        (void)view.raw("max_bytes");  // a known key, for "did you mean"
    }
    out.linger = view.duration("linger", out.linger);
    in_range(view, "linger", out.linger, 0s, 10s);
    out.ack_wait = view.duration("ack_wait", out.ack_wait);
    in_range(view, "ack_wait", out.ack_wait, 0s, 10s);
    out.raw_age = view.duration("raw_age", out.raw_age);
    in_range(view, "raw_age", out.raw_age, 0s, 3650 * 24h);
    out.preallocate = view.flag("preallocate", out.preallocate);
    read_lanes(view.table("lanes"), out);
    view.done();
    return out;
}

PushSection read_push(ConfigView view, Limits& limits) {
    PushSection out;
    out.coalesce = view.duration("coalesce", out.coalesce);
    in_range(view, "coalesce", out.coalesce, 0ms, 5ms);
    limits.push_ring_bytes =
        size_in(view, "ring_bytes", limits.push_ring_bytes, 64 * kKiB, 256 * kMiB);
    limits.client_queue_bytes = size_in(view, "client_queue_bytes", limits.client_queue_bytes,
                                        2 * limits.client_queue_reserved, 16 * kMiB);
    ConfigView cors = view.table("cors");
    out.cors_origins = cors.texts("origins");
    cors.done();
    view.done();
    return out;
}

AuthSection read_auth(ConfigView view) {
    AuthSection out;
    out.session = view.duration("session", out.session);
    in_range(view, "session", out.session, 1min, 30 * 24h);
    out.claim_code_hash = view.text("claim_code_hash");
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!out.claim_code_hash.empty() &&
        (out.claim_code_hash.size() != 64 ||
         !std::all_of(out.claim_code_hash.begin(), out.claim_code_hash.end(), is_hex)))
        view.fault("claim_code_hash", "E0004", "'claim_code_hash' is not a SHA-256 in hex");
    view.done();
    return out;
}

std::optional<MqttTlsSection> read_mqtt_tls(ConfigView& view) {
    MqttTlsSection out;
    out.cert_file = view.text("cert_file");
    out.key_file = view.text("key_file", out.cert_file);
    out.port = static_cast<std::uint16_t>(view.integer("tls_port", out.port, 0, 65535));
    out.client_cert = view.choice("client_cert", out.client_cert, {"off", "optional", "required"});
    out.client_ca_file = view.text("client_ca_file");
    out.cert_auto = view.flag("cert_auto", out.cert_auto);
    if (!out.cert_file.empty()) {
        out.mark = view.raw("cert_file")->mark;
        if (out.client_cert != "off" && out.client_ca_file.empty())
            view.fault("client_cert", "E0003", "'client_ca_file' is missing",
                       "name the PEM file of the authority that signs the clients' certificates");
        return out;
    }
    for (const std::string_view key :
         {"key_file", "tls_port", "client_cert", "client_ca_file", "cert_auto"})
        if (view.has(key))
            view.fault(key, "E0003", "'" + std::string(key) + "' without 'cert_file'",
                       "name the PEM file of the gateway's certificate in cert_file");
    return std::nullopt;
}

std::optional<MqttListenerSection> read_mqtt_listener(ConfigView view) {
    MqttListenerSection out;
    const bool enabled = view.flag("enabled", true);
    out.open = view.choice("access", "password", {"password", "open"}) == "open";
    out.port = static_cast<std::uint16_t>(view.integer("port", out.port, 0, 65535));
    out.bind = view.texts("bind");
    out.receive_maximum =
        static_cast<std::uint16_t>(view.integer("receive_maximum", out.receive_maximum, 1, 65'535));
    out.keepalive_max = view.duration("keepalive_max", out.keepalive_max);
    in_range(view, "keepalive_max", out.keepalive_max, 10s, 65'535s);
    out.session_expiry_max = view.duration("session_expiry_max", out.session_expiry_max);
    in_range(view, "session_expiry_max", out.session_expiry_max, 1s, 49'000 * 24h);
    out.raw_max = share(view, "raw_max", out.raw_max);
    out.retained_every = view.duration("retained_every", out.retained_every);
    in_range(view, "retained_every", out.retained_every, 1s, 24h);
    out.simulated = view.flag("simulated", false);
    out.tls = read_mqtt_tls(view);
    if (out.tls && out.port != 0 && out.tls->port == out.port)
        view.fault(view.has("tls_port") ? "tls_port" : "port", "E0004",
                   "'port' and 'tls_port' are both " + std::to_string(out.port),
                   "give TLS a port of its own; 8883 is the usual one, 1883 without TLS");
    view.done();
    if (!enabled) return std::nullopt;
    return out;
}

// One word for all kinds, or a table with a word for each.
RegistrySection read_registry(ConfigView view) {
    RegistrySection out;
    const auto word = [](ConfigView& from, std::string_view key) {
        return new_policy(from.choice(key, "auto", {"auto", "ask", "ignore"}))
            .value_or(NewPolicy::automatic);
    };
    out.fixed = view.has("new");
    const Node* given = view.raw("new");
    if (given != nullptr && given->is_table()) {
        ConfigView each = view.table("new");
        for (std::size_t i = 0; i < kNewKinds; ++i)
            out.fresh[i] = word(each, to_text(static_cast<NewKind>(i)));
        each.done();
    } else {
        out.fresh.fill(word(view, "new"));
    }
    view.done();
    return out;
}

void read_limits(ConfigView view, Limits& limits) {
    const auto count = [&](std::string_view key, std::size_t& value, std::int64_t highest) {
        value = static_cast<std::size_t>(
            view.integer(key, static_cast<std::int64_t>(value), 1, highest));
    };
    count("devices", limits.devices, 100'000);
    count("points", limits.points, 1'000'000);
    count("points_per_device", limits.points_per_device, 10'000);
    count("new_devices_per_minute", limits.new_devices_per_minute, 10'000);
    count("rules", limits.rules, 100'000);
    count("clients", limits.clients, 100'000);
    count("clients_per_address", limits.clients_per_address, 100'000);
    view.done();
}

// Elements of [[uplink]] and the like; the maker reads the rest.
std::vector<ObjectConfig> read_objects(ConfigView& view, std::string_view key) {
    std::vector<ObjectConfig> out;
    for (ConfigView& one : view.tables(key)) {
        const std::string id = one.required_text("id");
        if (!id.empty() && !valid_object_id(id))
            one.fault("id", "E0021", "'" + id + "' is not an id",
                      "lower-case letters, digits and '-', at most 63");
        const auto twin = std::find_if(out.begin(), out.end(),
                                       [&](const ObjectConfig& other) { return other.id == id; });
        if (!id.empty() && twin != out.end())
            one.fault("id", "E0020",
                      "id '" + id + "' is here and at " + twin->file + ":" +
                          std::to_string(twin->node.mark.line) + ":" +
                          std::to_string(twin->node.mark.column),
                      "rename or remove one of them");
        ObjectConfig object{id, one.node().mark.file, false, one.node()};
        std::erase_if(*object.node.table(), [](const Node::Member& m) { return m.first == "id"; });
        out.push_back(std::move(object));
    }
    return out;
}

}  // namespace

Config read_config(const Node& merged, std::vector<Fault>& faults) {
    Config out;
    ConfigView root(merged, faults);
    out.gateway = read_gateway(root.table("gateway"));
    out.http = read_http(root.table("http"));
    ConfigView ingest = root.table("ingest");
    out.limits.ring_bytes = size_in(ingest, "ring_bytes", out.limits.ring_bytes, kMiB, 64 * kMiB);
    ingest.done();
    out.registry = read_registry(root.table("registry"));
    out.log = read_log(root.table("log"), out.limits);
    out.push = read_push(root.table("push"), out.limits);
    out.auth = read_auth(root.table("auth"));
    ConfigView simulator = root.table("simulator");
    out.simulator.socket = simulator.text("socket");
    if (!out.simulator.socket.empty() && out.simulator.socket.front() != '/')
        simulator.fault("socket", "E0004", "'socket' must be an absolute path");
    simulator.done();
    ConfigView logging = root.table("logging");
    out.log_level =
        logging.choice("level", out.log_level, {"error", "warning", "notice", "info", "debug"});
    logging.done();
    ConfigView metrics = root.table("metrics");
    out.metrics_open = metrics.flag("open", out.metrics_open);
    metrics.done();
    read_limits(root.table("limits"), out.limits);
    ConfigView mqtt = root.table("mqtt");
    out.mqtt_listener = read_mqtt_listener(mqtt.table("listener"));
    out.mqtt_sources = read_objects(mqtt, "source");
    mqtt.done();
    out.ports = read_objects(root, "port");
    out.uplinks = read_objects(root, "uplink");
    for (const std::string_view only_files : {"rule", "device"}) {
        if (root.raw(only_files) != nullptr)
            root.fault(only_files, "E0001", "'" + std::string(only_files) + "' has no place here",
                       "one file each: " + std::string(only_files) + "s.d/<id>.toml");
    }
    root.done();
    return out;
}

}  // namespace fog
