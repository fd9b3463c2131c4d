#include <algorithm>
#include <optional>

#include "cloud-uplink/pump/pump.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const SinkInfo* find_sink(ConfigView& config, std::span<const SinkInfo* const> sinks) {
    const std::string type = config.required_text("type");
    if (type.empty()) return nullptr;
    std::vector<std::string_view> names;
    std::string list;
    for (const SinkInfo* info : sinks) {
        if (info->name == type) return info;
        names.push_back(info->name);
        (list += list.empty() ? "" : ", ") += info->name;
    }
    const auto near = nearest(type, names);
    config.fault("type", "E0401", "no sink of type '" + type + "'; there are " + list,
                 near ? "did you mean '" + std::string(*near) + "'?" : "");
    return nullptr;
}

/// A duration within bounds; out of them is a fault.
std::chrono::nanoseconds bounded(ConfigView& config, std::string_view key,
                                 std::chrono::nanoseconds otherwise, std::chrono::nanoseconds low,
                                 std::chrono::nanoseconds high) {
    const auto value = config.duration(key, otherwise);
    if (value >= low && value <= high) return value;
    config.fault(key, "E0004",
                 "'" + std::string(key) + "' is " + duration_text(value) + ", allowed is " +
                     duration_text(low) + " to " + duration_text(high));
    return otherwise;
}

PumpOptions read_options(ConfigView& config, const Limits& limits) {
    PumpOptions out;
    out.window = limits.uplink_window;
    if (config.choice("order", "strict", {"strict", "fresh-first"}) == "fresh-first")
        out.order = PumpOptions::Order::fresh_first;
    const auto most = static_cast<std::int64_t>(limits.batch_records);
    out.batch_records = static_cast<std::size_t>(config.integer("batch", most, 1, most));
    out.batch_bytes = std::clamp<std::uint64_t>(config.size("batch_bytes", limits.batch_bytes),
                                                1024, limits.batch_bytes);
    auto& live = out.batch_age[static_cast<std::size_t>(Lane::live)];
    auto& bulk = out.batch_age[static_cast<std::size_t>(Lane::bulk)];
    live = bounded(config, "live_age", live, seconds(0), hours(1));
    bulk = bounded(config, "bulk_age", bulk, seconds(0), hours(1));
    out.connect_timeout =
        bounded(config, "connect_timeout", out.connect_timeout, seconds(1), seconds(120));
    out.ack_deadline = bounded(config, "ack_deadline", out.ack_deadline, seconds(1), seconds(600));
    out.retry_min = bounded(config, "retry_min", out.retry_min, milliseconds(100), hours(1));
    out.retry_max = bounded(config, "retry_max", out.retry_max, milliseconds(100), hours(24));
    if (out.retry_max < out.retry_min)
        config.fault("retry_max", "E0004", "'retry_max' is shorter than 'retry_min'");
    return out;
}

std::uint64_t seed_of(const UplinkSite& site, std::string_view id) {
    if (site.seed != 0) return site.seed;
    std::uint64_t seed = 14695981039346656037ULL;  // FNV-1a
    const auto mix = [&seed](std::string_view text) {
        for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    };
    mix(site.records.gateway);
    mix("/");
    mix(id);
    return seed ^ static_cast<std::uint64_t>(site.clock.mono().time_since_epoch().count());
}

struct Parts {
    Selection selection;
    PumpOptions options;
    std::string type;
    std::unique_ptr<Sink> sink;
};

Parts read_uplink(std::string_view id, const Node& config, const SinkSite& site,
                  std::span<const SinkInfo* const> sinks, std::vector<Fault>& faults) {
    ConfigView view(config, faults);
    Parts parts;
    const SinkInfo* info = find_sink(view, sinks);
    parts.selection = Selection::read(view);
    parts.options = read_options(view, site.limits);
    if (info == nullptr) return parts;  // which keys are known is unknown too
    parts.type = info->name;
    parts.sink = info->make(id, view, site);
    view.done();
    return parts;
}

}  // namespace

Selection check_uplink(std::string_view id, const Node& config, const Limits& limits,
                       std::vector<Fault>& faults, std::span<const SinkInfo* const> sinks) {
    Metrics metrics;
    const SinkSite site{{"gateway", nullptr, nullptr}, limits, metrics};
    return read_uplink(id, config, site, sinks, faults).selection;
}

Result<std::unique_ptr<Pump>> make_pump(std::string_view id, const Node& config,
                                        const UplinkSite& site) {
    std::vector<Fault> faults;
    Parts parts =
        read_uplink(id, config, {site.records, site.limits, site.metrics}, site.sinks, faults);
    std::string what;
    for (const Fault& fault : faults)
        if (!fault.warning) what += (what.empty() ? "" : "\n") + to_text(fault);
    if (what.empty() && !parts.sink) what = "the sink could not be made";
    if (!what.empty())
        return Error{Errc::bad_config, "uplink " + std::string(id) + ": " + what, {}};
    parts.options.seed = seed_of(site, id);
    return std::make_unique<Pump>(std::string(id), std::move(parts.type), std::move(parts.sink),
                                  parts.options,
                                  Pump::Site{site.log, site.clock, site.metrics, site.changed});
}

}  // namespace fog
