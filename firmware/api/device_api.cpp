#include <algorithm>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"

namespace fog {
namespace {

constexpr std::size_t kPageDefault = 100;
constexpr std::size_t kPageMost = 500;

double age_ms(const ApiParts& parts, MonoTime at) {
    return std::chrono::duration<double, std::milli>(parts.clock.mono() - at).count();
}

void add_point(JsonOut& out, const ApiParts& parts, const PointState& point) {
    out.open().member("pt", point.name).member("u", point.unit);
    if (point.unit_guessed) out.member("unit_guessed", true);
    if (point.diagnostic) out.member("diagnostic", true);
    if (point.last.point.value != 0) {
        std::string value;
        append_value_json(value, point.last.value);
        out.member_raw("v", value)
            .member("q", to_text(point.last.quality))
            .member("seq", point.last_seq.value)
            .time("ts", time_of({point.last_seq, Lane::live, 0, point.last}, parts.records));
        if (const auto now = parts.records.boots->wall(point.last.boot, point.last.received))
            out.time("rx", *now);
        out.member("age_ms", age_ms(parts, point.last.received));
    }
    out.member("samples", point.samples).member("interval_s", point.mean_gap_s).close();
}

void add_device(JsonOut& out, const ApiParts& parts, const Registry& registry,
                const DeviceState& device, bool with_points) {
    out.open()
        .member("id", device.id)
        .member("name", device.name)
        .member("key", device.key)
        .member("source", device.source)
        .member("dialect", device.dialect)
        .member("state", "active")
        .member("samples", device.samples)
        .member("age_ms", age_ms(parts, device.last_seen));
    out.key("points").open('[');
    for (const PointId id : device.points) {
        const PointState& point = *registry.point(id);
        if (with_points)
            add_point(out, parts, point);
        else
            out.value(point.name);
    }
    out.close(']').close();
}

// Pages by index: devices are only ever added, so an index names the same device for ever.
Response device_list(const ApiParts& parts, const Request& request, PipelineDesk& desk) {
    std::size_t limit = kPageDefault;
    std::size_t from = 0;
    if (const auto text = request.parameter("limit"))
        limit = static_cast<std::size_t>(
            std::clamp<std::int64_t>(parse_int(*text).value_or(0), 1, kPageMost));
    if (const auto text = request.parameter("cursor"))
        from = static_cast<std::size_t>(std::max<std::int64_t>(parse_int(*text).value_or(0), 0));
    const bool with_points = request.parameter("points").value_or("1") != "0";
    const auto& devices = desk.registry.devices();
    JsonOut out;
    out.open().key("items").open('[');
    std::size_t at = std::min(from, devices.size());
    for (; at < devices.size() && limit > 0; ++at, --limit)
        add_device(out, parts, desk.registry, devices[at], with_points);
    out.close(']');
    if (at < devices.size())
        out.member("next", std::to_string(at));
    else
        out.key("next").raw("null");
    return json_response(out.member("total", devices.size()).close().take());
}

Response raw_list(const ApiParts& parts, PipelineDesk& desk) {
    JsonOut out;
    out.open().member("held_back", desk.registry.held_back()).key("items").open('[');
    for (const RawEntry& entry : desk.registry.raw())
        out.open()
            .member("source", entry.source)
            .member("topic", entry.topic)
            .member("payload", entry.payload)
            .member("why", entry.why)
            .member("times", entry.times)
            .member("age_ms", age_ms(parts, entry.received))
            .close();
    return json_response(out.close(']').close().take());
}

}  // namespace

void register_device_api(Router& router, const ApiParts& parts) {
    const auto add = [&](std::string pattern,
                         std::function<Response(const Request&, PipelineDesk&)> answer) {
        Route route;
        route.pattern = std::move(pattern);
        route.scopes = scope::kReadLive;
        route.run_on = RunOn::io;  // hands over to fog-pipe
        route.handler = [&parts, answer = std::move(answer)](Request request, Responder respond) {
            answer_on_pipe(parts, std::move(respond),
                           [answer, request = std::move(request)](PipelineDesk& desk) {
                               return answer(request, desk);
                           });
        };
        router.add(std::move(route));
    };
    add("/api/v1/devices", [&parts](const Request& request, PipelineDesk& desk) {
        return device_list(parts, request, desk);
    });
    add("/api/v1/devices/{dev}", [&parts](const Request& request, PipelineDesk& desk) {
        const DeviceState* device = desk.registry.device(request.value("dev"));
        if (device == nullptr) return not_found("device", request.value("dev"));
        JsonOut out;
        add_device(out, parts, desk.registry, *device, true);
        return json_response(out.take());
    });
    add("/api/v1/devices/{dev}/points/{pt}", [&parts](const Request& request, PipelineDesk& desk) {
        const DeviceState* device = desk.registry.device(request.value("dev"));
        if (device == nullptr) return not_found("device", request.value("dev"));
        for (const PointId id : device->points) {
            const PointState& point = *desk.registry.point(id);
            if (point.name != request.value("pt")) continue;
            JsonOut out;
            add_point(out, parts, point);
            return json_response(out.take());
        }
        return not_found("point", request.value("pt"));
    });
    add("/api/v1/raw",
        [&parts](const Request&, PipelineDesk& desk) { return raw_list(parts, desk); });
}

}  // namespace fog
