#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"

namespace fog {
namespace {

constexpr std::size_t kPageDefault = 100;
constexpr std::size_t kPageMost = 500;
constexpr std::size_t kSliceDevices = 50;  // copied in one go on fog-pipe
constexpr std::size_t kSlicePoints = 500;
constexpr std::size_t kFilterBytes = 64;

double rounded(double seconds) {
    return std::round(seconds * 100) / 100;
}

/// Since a moment of this or an earlier start of the machine; nothing where no clock can tell.
std::optional<double> age_ms(const ApiParts& parts, BootId boot, MonoTime at) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    if (boot == parts.store.opened().boot)
        return std::max(0.0, std::round(Milliseconds(parts.clock.mono() - at).count()));
    const auto wall = parts.records.boots->wall(boot, at);
    if (!wall || !parts.clock.trusted()) return std::nullopt;
    return std::max(0.0, std::round(Milliseconds(parts.clock.wall() - *wall).count()));
}

void add_age(JsonOut& out, const ApiParts& parts, BootId boot, MonoTime at) {
    const auto age = age_ms(parts, boot, at);
    out.key("age_ms");
    age ? out.value(*age) : out.raw("null");
}

/// What the answer needs of a point; copied on fog-pipe, written as JSON elsewhere.
struct PointShown {
    PointState state;
    std::optional<Spark> spark;
};
struct DeviceShown {
    std::string id, name, key, source, dialect;
    Admission admission = Admission::active;
    NewKind kind = NewKind::announced;
    DevicePresence presence;
    BootId boot;
    MonoTime last_seen;
    std::uint64_t samples = 0;
    std::vector<PointShown> points;
    bool simulated = false;  // fogsim speaks for it
};

/// Which part of the devices a list shows. Those ignored are in no other.
enum class Show : std::uint8_t { all, fresh, missing, ignored };
std::optional<Show> show_of(std::string_view word) {
    if (word.empty() || word == "all") return Show::all;
    if (word == "new") return Show::fresh;
    if (word == "missing") return Show::missing;
    if (word == "ignored") return Show::ignored;
    return std::nullopt;
}

struct Wanted {
    Show show = Show::all;
    bool points = true;  // with values, not names only
    bool spark = false;
};

bool shows(PipelineDesk& desk, const DeviceState& device, Show show) {
    if (show == Show::ignored) return device.admission == Admission::ignored;
    if (device.admission == Admission::ignored) return false;
    if (show == Show::fresh) return device.admission == Admission::provisional;
    if (show == Show::all) return true;
    const auto index = static_cast<std::uint32_t>(&device - desk.registry.devices().data());
    return desk.registry.presence(index, desk.moment.now).state == Presence::silent;
}

DeviceShown copy_device(PipelineDesk& desk, std::uint32_t index, const Wanted& wanted) {
    const DeviceState& device = desk.registry.devices()[index];
    DeviceShown out{device.id,      device.name,
                    device.key,     device.source,
                    device.dialect, device.admission,
                    device.kind,    desk.registry.presence(index, desk.moment.now),
                    device.boot,    device.last_seen,
                    device.samples, {},
                    false};
    out.points.reserve(device.points.size());
    for (const PointId id : device.points) {
        PointShown& point = out.points.emplace_back();
        point.state = *desk.registry.point(id);
        out.simulated = out.simulated || (point.state.last.flags & flag::kSimulated) != 0;
        const Spark* spark = wanted.spark ? desk.registry.spark(id) : nullptr;
        if (spark != nullptr) point.spark = *spark;
    }
    return out;
}

/// A line of pixels needs no more digits than a hundredth of its height.
void add_spark(JsonOut& out, const Spark& spark) {
    float low = std::numeric_limits<float>::infinity();
    float high = -low;
    for (std::size_t i = 0; i < spark.size(); ++i)
        if (!std::isnan(spark[i])) low = std::min(low, spark[i]), high = std::max(high, spark[i]);
    double scale = 0;  // as they are
    if (high > low)
        scale = std::pow(10.0, std::clamp(std::ceil(2 - std::log10(double{high} - low)), 0.0, 9.0));
    out.key("spark").open('[');
    std::string text;
    for (std::size_t i = 0; i < spark.size(); ++i) {
        const float value = spark[i];
        std::array<char, 32> digits{};
        if (std::isnan(value)) {
            out.raw("null");
        } else if (scale == 0) {
            const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
            out.raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
        } else {
            text.clear();
            append_double(text, std::round(double{value} * scale) / scale);
            out.raw(text);
        }
    }
    out.close(']');
}

void add_point(JsonOut& out, const ApiParts& parts, const PointShown& shown) {
    const PointState& point = shown.state;
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
        add_age(out, parts, point.last.boot, point.last.received);
    }
    out.member("samples", point.samples).member("interval_s", rounded(point.usual_interval_s()));
    if (shown.spark) add_spark(out, *shown.spark);
    out.close();
}

void add_device(JsonOut& out, const ApiParts& parts, const DeviceShown& device, bool with_points) {
    out.open()
        .member("id", device.id)
        .member("name", device.name)
        .member("key", device.key)
        .member("source", device.source)
        .member("dialect", device.dialect)
        .member("admission", to_text(device.admission))
        .member("kind", to_text(device.kind))
        .member("state", to_text(device.presence.state))
        .member("reason", device.presence.reason)
        .member("interval_s", rounded(device.presence.interval_s))
        .member("samples", device.samples);
    if (device.simulated) out.member("simulated", true);
    add_age(out, parts, device.boot, device.last_seen);
    out.key("points").open('[');
    for (const PointShown& point : device.points) {
        if (with_points)
            add_point(out, parts, point);
        else
            out.value(point.state.name);
    }
    out.close(']').close();
}

bool contains(std::string_view text, std::string_view lower) {
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    };
    return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

/// One look at the registry: devices from `at` on that match, until the page or the slice is full.
struct DeviceSlice {
    std::vector<DeviceShown> devices;
    std::size_t at = 0;     // where to go on
    std::size_t total = 0;  // that match, of all
    bool end = false;
};
DeviceSlice take_slice(PipelineDesk& desk, std::size_t from, std::size_t most,
                       std::string_view filter, const Wanted& wanted) {
    const auto& devices = desk.registry.devices();
    const auto matches = [&](const DeviceState& device) {
        if (!shows(desk, device, wanted.show)) return false;
        return filter.empty() || contains(device.id, filter) || contains(device.name, filter) ||
               contains(device.source, filter) || contains(device.dialect, filter);
    };
    DeviceSlice out;
    std::size_t points = 0;
    for (out.at = from; out.at < devices.size(); ++out.at) {
        if (!matches(devices[out.at])) continue;
        if (out.devices.size() >= most || points >= kSlicePoints) break;
        out.devices.push_back(copy_device(desk, static_cast<std::uint32_t>(out.at), wanted));
        points += devices[out.at].points.size();
    }
    out.end = out.at >= devices.size();
    out.total = static_cast<std::size_t>(std::count_if(devices.begin(), devices.end(), matches));
    return out;
}

// Pages by index: devices are only ever added, so an index names the same device for ever. The
// registry is looked at in slices, so that a large page does not hold up the readings.
Response device_list(const ApiParts& parts, const Request& request) {
    std::size_t left = kPageDefault;
    std::size_t at = 0;
    if (const auto text = request.parameter("limit"))
        left = static_cast<std::size_t>(
            std::clamp<std::int64_t>(parse_int(*text).value_or(0), 1, kPageMost));
    if (const auto text = request.parameter("cursor"))
        at = static_cast<std::size_t>(std::max<std::int64_t>(parse_int(*text).value_or(0), 0));
    Wanted wanted;
    wanted.points = request.parameter("points").value_or("1") != "0";
    wanted.spark = wanted.points && request.parameter("spark").value_or("0") == "1";
    const auto show = show_of(request.parameter("show").value_or(""));
    if (!show) return bad_parameter("show", "is none of all, new, missing, ignored");
    wanted.show = *show;
    std::string filter(request.parameter("filter").value_or("").substr(0, kFilterBytes));
    for (char& c : filter) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    JsonOut out;
    out.open().key("items").open('[');
    const auto slice = std::make_shared<DeviceSlice>();  // the job may outlast our patience
    do {
        const bool done = wait_on_pipe(parts, [slice, at, most = std::min(left, kSliceDevices),
                                               filter, wanted](PipelineDesk& desk) {
            *slice = take_slice(desk, at, most, filter, wanted);
        });
        if (!done) return problem_response(problem_of(Error{Errc::busy, "no answer in time", {}}));
        for (const DeviceShown& device : slice->devices)
            add_device(out, parts, device, wanted.points);
        left -= slice->devices.size();
        at = slice->at;
    } while (left > 0 && !slice->end);
    out.close(']').key("next");
    slice->end ? out.raw("null") : out.value(std::to_string(at));
    return json_response(out.member("total", slice->total).close().take());
}

/// The payload as text; nothing if it is none. A character cut in two at the end does not count.
std::optional<std::string_view> text_of(const LastMessage& message) {
    std::string_view text = message.payload;
    const bool cut = message.bytes > text.size();
    for (int i = 0; i < 4; ++i) {
        if (valid_utf8(text)) return text;
        if (!cut || text.empty()) break;
        text.remove_suffix(1);
    }
    return std::nullopt;
}

Response last_message(const ApiParts& parts, const Request& request, PipelineDesk& desk) {
    const auto index = desk.registry.index_of(request.value("dev"));
    if (!index) return not_found("device", request.value("dev"));
    const LastMessage* message = desk.registry.messages().find(*index);
    if (message == nullptr) return not_found("message kept of device", request.value("dev"));
    JsonOut out;
    out.open().member("source", message->source).member("topic", message->topic).key("payload");
    const auto text = text_of(*message);
    text ? out.value(*text) : out.raw("null");
    out.member("hex", hex(as_bytes(message->payload))).member("bytes", message->bytes);
    add_age(out, parts, parts.store.opened().boot, message->received);
    out.member("dialect", message->dialect).member("why", message->why).key("runner_up");
    message->runner_up.empty() ? out.raw("null") : out.value(message->runner_up);
    out.key("points").open('[');
    for (const PointId id : message->points) {
        const PointState& point = *desk.registry.point(id);
        std::string value;
        append_value_json(value, point.last.value);
        out.open().member("pt", point.name).member_raw("v", value).close();
    }
    return json_response(out.close(']').close().take());
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
            .member("age_ms", age_ms(parts, parts.store.opened().boot, entry.received).value_or(0))
            .close();
    return json_response(out.close(']').close().take());
}

}  // namespace

void register_device_api(Router& router, const ApiParts& parts) {
    const auto add = [&](std::string pattern,
                         std::function<Response(const Request&, PipelineDesk&)> answer) {
        add_pipe_route(router, parts, Method::get, std::move(pattern), scope::kReadLive,
                       std::move(answer));
    };
    Route list;
    list.pattern = "/api/v1/devices";
    list.scopes = scope::kReadLive;
    list.handler = [&parts](const Request& request, const Responder& respond) {
        respond(device_list(parts, request));
    };
    router.add(std::move(list));
    add("/api/v1/devices/{dev}", [&parts](const Request& request, PipelineDesk& desk) {
        const auto index = desk.registry.index_of(request.value("dev"));
        if (!index) return not_found("device", request.value("dev"));
        JsonOut out;
        add_device(out, parts, copy_device(desk, *index, {Show::all, true, true}), true);
        return json_response(out.take());
    });
    add("/api/v1/devices/{dev}/points/{pt}", [&parts](const Request& request, PipelineDesk& desk) {
        const DeviceState* device = desk.registry.device(request.value("dev"));
        if (device == nullptr) return not_found("device", request.value("dev"));
        for (const PointId id : device->points) {
            const PointState& point = *desk.registry.point(id);
            if (point.name != request.value("pt")) continue;
            const Spark* spark = desk.registry.spark(id);
            JsonOut out;
            add_point(out, parts, {point, spark != nullptr ? std::optional(*spark) : std::nullopt});
            return json_response(out.take());
        }
        return not_found("point", request.value("pt"));
    });
    add("/api/v1/devices/{dev}/message", [&parts](const Request& request, PipelineDesk& desk) {
        return last_message(parts, request, desk);
    });
    add("/api/v1/raw",
        [&parts](const Request&, PipelineDesk& desk) { return raw_list(parts, desk); });
}

}  // namespace fog
