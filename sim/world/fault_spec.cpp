#include "sim/world/fault_spec.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "firmware/core/text.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
using K = FaultKind;
using P = FaultPlace;

constexpr std::size_t kMaxPlaces = 32;
constexpr std::int64_t kMaxBytes = 16 << 20;

constexpr std::array<FaultKindInfo, 51> kKinds = {{
    {"silent", K::silent, P::device, "", false},
    {"delay", K::delay, P::serial, "by", true},
    {"jitter", K::jitter, P::serial, "by", true},
    {"drop", K::drop, P::serial, "", true},
    {"duplicate", K::duplicate, P::serial, "", true},
    {"reorder", K::reorder, P::serial, "", true},
    {"truncate", K::truncate, P::serial, "", true},
    {"bit_flip", K::bit_flip, P::serial, "", true},
    {"bad_crc", K::bad_crc, P::serial, "", true},
    {"garbage", K::garbage, P::serial, "", false},
    {"split", K::split, P::serial, "by", true},
    {"merge", K::merge, P::serial, "", true},
    {"baud_mismatch", K::baud_mismatch, P::serial, "", false},
    {"unplug", K::unplug, P::serial, "", false},
    {"clean_disconnect", K::clean_disconnect, P::mqtt, "", false},
    {"dirty_disconnect", K::dirty_disconnect, P::mqtt, "", false},
    {"will", K::will, P::mqtt, "", false},
    {"retained_leftover", K::retained_leftover, P::mqtt, "", false},
    {"client_id_clash", K::client_id_clash, P::mqtt, "by", false},
    {"reconnect_storm", K::reconnect_storm, P::mqtt, "by", false},
    {"session_lost", K::session_lost, P::mqtt, "", false},
    {"oversize", K::oversize, P::mqtt, "bytes", false},
    {"refuse", K::refuse, P::tcp, "", false},
    {"reset", K::reset, P::tcp, "", false},
    {"blackhole", K::blackhole, P::tcp, "", false},
    {"throttle", K::throttle, P::tcp, "rate", false},
    {"latency", K::latency, P::tcp, "by", false},
    {"cut_after", K::cut_after, P::tcp, "bytes", false},
    {"half_close", K::half_close, P::tcp, "", false},
    {"kill9", K::kill9, P::gateway, "", false},
    {"term", K::term, P::gateway, "", false},
    {"restart", K::restart, P::gateway, "", false},
    {"stop_cont", K::stop_cont, P::gateway, "", false},
    {"no_ack", K::no_ack, P::far_mqtt, "", true},
    {"double_ack", K::double_ack, P::far_mqtt, "", true},
    {"late_ack", K::late_ack, P::far_mqtt, "by", true},
    {"unknown_ack", K::unknown_ack, P::far_mqtt, "", true},
    {"ack_then_kick", K::ack_then_kick, P::far_mqtt, "", true},
    {"kick_after_connect", K::kick_after_connect, P::far_mqtt, "", true},
    {"kick_on", K::kick_on, P::far_mqtt, "match", true},
    {"reason", K::reason, P::far_mqtt, "code", true},
    {"receive_maximum", K::receive_maximum, P::far_mqtt, "count", false},
    {"packet_limit", K::packet_limit, P::far_mqtt, "bytes", false},
    {"status", K::status, P::far_http, "code retry_after", true},
    {"slow", K::slow, P::far_http, "by", true},
    {"hang", K::hang, P::far_http, "", true},
    {"cut_body", K::cut_body, P::far_http, "", true},
    {"lost_answer", K::lost_answer, P::far_http, "", true},
    {"partial", K::partial, P::far_http, "", true},
    {"redirect", K::redirect, P::far_http, "", true},
    {"big_answer", K::big_answer, P::far_http, "bytes", true},
}};

/// Faults of the design that this version does not have: refused by name, not as a typing error.
constexpr std::array<std::string_view, 14> kNotBuilt = {
    "late_answer", "no_answer",  "exception", "wrong_length", "half_open",   "skew", "step",
    "start_1970",  "dst_repeat", "leap",      "tick_wrap",    "tls_expired", "fill", "read_only"};

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
    const auto near = nearest(word, known);
    return near ? "did you mean '" + std::string(*near) + "'?" : std::string();
}

const FaultKindInfo* find_kind(ConfigView& view, const std::string& kind) {
    std::vector<std::string_view> known = sensor_fault_names();
    for (const FaultKindInfo& each : kKinds) {
        if (each.name == kind) return &each;
        known.push_back(each.name);
    }
    if (std::find(kNotBuilt.begin(), kNotBuilt.end(), kind) != kNotBuilt.end()) {
        view.fault("kind", "S0105", "fault '" + kind + "' is not built in this version",
                   "sim/README.md lists the ones that are");
    } else if (!kind.empty()) {
        view.fault("kind", "S0104", "no fault '" + kind + "'", did_you_mean(kind, known));
    }
    return nullptr;
}

void select_devices(ConfigView& view, const Scenario& scenario, std::string_view wanted,
                    std::vector<std::size_t>& out) {
    std::vector<std::string_view> known;
    for (std::size_t i = 0; i < scenario.devices.size(); ++i) {
        const std::string& id = scenario.devices[i].id;
        if (glob_matches(wanted, id)) out.push_back(i);
        known.emplace_back(id);
    }
    if (out.empty()) {
        view.fault("on", "S0104", "no device '" + std::string(wanted) + "'",
                   did_you_mean(wanted, known));
    }
}

std::vector<std::string_view> names_of(const Scenario& scenario, FaultPlace place) {
    std::vector<std::string_view> out;
    if (place == P::tcp) {
        for (const ProxySpec& each : scenario.proxies) out.emplace_back(each.id);
    }
    for (const FarSpec& each : scenario.fars) {
        if (place == (each.http ? P::far_http : P::far_mqtt)) out.emplace_back(each.id);
    }
    return out;
}

std::string example_of(FaultPlace place) {
    switch (place) {
        case P::device:
        case P::serial:
        case P::mqtt:
            return "for example on = \"device/freezer-1\" or \"device/freezer-*\"";
        case P::tcp:
            return "for example on = \"tcp/cloud\" with [[tcp]] id = \"cloud\"";
        case P::gateway:
            return "on = \"gateway\"";
        case P::far_mqtt:
        case P::far_http:
            return "for example on = \"sink/cloud\" with [[far]] id = \"cloud\"";
    }
    return {};
}

/// The part of "tcp/cloud" behind a prefix that fits the place.
std::optional<std::string_view> target_of(std::string_view on, FaultPlace place) {
    const bool tcp = place == P::tcp;
    for (const std::string_view prefix :
         {std::string_view("sink/"), std::string_view(tcp ? "tcp/" : "far/")}) {
        if (on.starts_with(prefix)) return on.substr(prefix.size());
    }
    return std::nullopt;
}

void select(ConfigView& view, const Scenario& scenario, FaultPlace place, FaultSpec& fault,
            bool live) {
    constexpr std::string_view kDevice = "device/";
    const std::string_view on = fault.on;
    if (on.empty()) return;
    const auto misplaced = [&view, &fault, place] {
        view.fault("on", "S0106",
                   "fault '" + std::string(to_text(fault.kind)) + "' acts on " +
                       std::string(to_text(place)) + ", found '" + fault.on + "'",
                   example_of(place));
    };
    if (place == P::gateway) {
        if (live && !scenario.starts_gateway) {
            view.fault("on", "S0106", "this run has not started the gateway",
                       "fogsim run --gateway-program foglined --gateway-arg ...");
        }
        if (on != "gateway") misplaced();
        return;
    }
    if (place == P::device || place == P::serial || place == P::mqtt) {
        if (!on.starts_with(kDevice)) return misplaced();
        return select_devices(view, scenario, on.substr(kDevice.size()), fault.devices);
    }
    const auto target = target_of(on, place);
    if (!target) return misplaced();
    fault.target = *target;
    const auto known = names_of(scenario, place);
    if (std::find(known.begin(), known.end(), *target) == known.end()) {
        view.fault("on", "S0104",
                   "the scenario has no " + std::string(to_text(place)) + " '" + fault.target + "'",
                   known.empty() ? example_of(place) : did_you_mean(*target, known));
    }
}

SimTime default_by(FaultKind kind) {
    if (kind == K::split || kind == K::jitter) return 50ms;
    if (kind == K::reconnect_storm) return 200ms;
    return 500ms;
}

void read_parameters(ConfigView& view, const FaultKindInfo& kind, FaultSpec& fault) {
    const auto has = [&kind](std::string_view key) {
        return kind.keys.find(key) != std::string_view::npos;
    };
    if (has("by")) fault.by = view.duration("by", default_by(kind.kind));
    if (has("bytes")) {
        const bool oversize = kind.kind == K::oversize || kind.kind == K::big_answer;
        fault.bytes = static_cast<std::uint64_t>(
            view.integer("bytes", oversize ? 1 << 20 : 1'000, 0, kMaxBytes));
    }
    if (has("rate")) {
        fault.rate = static_cast<std::uint64_t>(view.integer("rate", 1'000, 1, 1'000'000'000));
    }
    if (has("code")) {
        const bool http = kind.kind == K::status;
        fault.code = static_cast<unsigned>(
            view.integer("code", http ? 503 : 0x97, http ? 200 : 0x80, http ? 599 : 0xFF));
    }
    if (has("retry_after")) fault.retry_after = view.duration("retry_after", SimTime{0});
    if (has("count")) {
        fault.count = static_cast<unsigned>(view.integer("count", 1, 1, 65'535));
    }
    if (has("match")) fault.match = view.required_text("match");
    if (const auto chance = view.maybe_number("probability")) {
        fault.probability = *chance;
        if (!(*chance >= 0 && *chance <= 1)) {
            view.fault("probability", "S0101", "'probability' is between 0 and 1");
        }
    }
}

void read_times(ConfigView& view, FaultSpec& fault, bool live) {
    if (live) {
        fault.lasts = view.duration("for", kUntilCleared);
        if (const auto seconds = view.maybe_number("for_s")) {
            // The upper bound keeps the sum with any scenario time inside 64 bits.
            const bool fits = *seconds > 0 && *seconds < 1e8;
            if (!fits) view.fault("for_s", "S0101", "'for_s' is more than 0 and less than 1e8");
            if (fits) fault.lasts = SimTime{static_cast<std::int64_t>(*seconds * 1e9)};
        }
    } else {
        fault.every = view.duration("every", SimTime{0});
        fault.at = view.duration("at", fault.every);
        fault.lasts = view.duration("for", 10s);
        if (!view.has("at") && !view.has("every")) view.fault("at", "S0101", "'at' is missing");
    }
    if (fault.lasts.count() <= 0) view.fault("for", "S0101", "'for' must be more than zero");
    if (fault.every.count() != 0 && fault.every <= fault.lasts) {
        view.fault("every", "S0101", "'every' must be longer than 'for'");
    }
}

std::string read_place_id(ConfigView& view, std::vector<std::string>& seen) {
    std::string id = view.required_text("id");
    if (id != device_slug(id)) {
        view.fault("id", "S0101", "'" + id + "' is not an id", "use a-z, 0-9 and '-'");
    } else if (std::find(seen.begin(), seen.end(), id) != seen.end()) {
        view.fault("id", "S0101", "there are two '" + id + "'");
    }
    seen.push_back(id);
    if (seen.size() > kMaxPlaces) view.fault("id", "S0101", "more than 32");
    return id;
}

}  // namespace

std::span<const FaultKindInfo> all_fault_kinds() {
    return kKinds;
}

const FaultKindInfo& info(FaultKind kind) {
    return *std::find_if(kKinds.begin(), kKinds.end(),
                         [kind](const FaultKindInfo& each) { return each.kind == kind; });
}

std::string_view to_text(FaultKind kind) {
    return info(kind).name;
}

std::string_view to_text(FaultPlace place) {
    switch (place) {
        case P::device:
            return "devices";
        case P::serial:
            return "serial devices";
        case P::mqtt:
            return "MQTT devices";
        case P::tcp:
            return "tcp proxy";
        case P::gateway:
            return "the gateway";
        case P::far_mqtt:
            return "MQTT far side";
        case P::far_http:
            return "HTTP far side";
    }
    return {};
}

bool FaultSpec::active(SimTime t) const {
    if (t < at) return false;
    const SimTime since = every.count() > 0 ? (t - at) % every : t - at;
    return since < lasts;
}

std::uint64_t FaultSpec::occurrence(SimTime t) const {
    return every.count() > 0 && t > at ? static_cast<std::uint64_t>((t - at) / every) : 0;
}

std::optional<SimTime> FaultSpec::next_change(SimTime t) const {
    if (t < at) return at;
    const SimTime since = every.count() > 0 ? (t - at) % every : t - at;
    const SimTime begun = t - since;
    if (lasts == kUntilCleared) return std::nullopt;
    if (since < lasts) return begun + lasts;
    if (every.count() > 0) return begun + every;
    return std::nullopt;
}

FaultSpec read_fault_spec(ConfigView& view, const Scenario& scenario, bool live) {
    FaultSpec fault;
    fault.mark = view.node().mark;
    read_times(view, fault, live);
    const std::string kind = view.required_text("kind");
    fault.on = view.required_text("on");
    const FaultKindInfo* known = find_kind(view, kind);
    if (known == nullptr) return fault;  // what else it may have depends on the kind
    fault.kind = known->kind;
    read_parameters(view, *known, fault);
    select(view, scenario, known->place, fault, live);
    view.done();
    return fault;
}

void read_places(ConfigView& view, Scenario& scenario) {
    std::vector<std::string> proxies, fars;
    for (ConfigView& each : view.tables("tcp")) {
        ProxySpec proxy;
        proxy.id = read_place_id(each, proxies);
        proxy.port = static_cast<std::uint16_t>(each.integer("listen", 0, 0, 65'535));
        proxy.to = each.required_text("to");
        each.done();
        scenario.proxies.push_back(std::move(proxy));
    }
    for (ConfigView& each : view.tables("far")) {
        FarSpec far;
        far.id = read_place_id(each, fars);
        far.http = each.choice("kind", "mqtt", {"mqtt", "http"}) == "http";
        far.port = static_cast<std::uint16_t>(each.integer("listen", 0, 0, 65'535));
        each.done();
        scenario.fars.push_back(std::move(far));
    }
}

}  // namespace fog::sim
