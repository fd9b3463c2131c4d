#include "sim/app/control.hpp"

#include <pthread.h>

#include <algorithm>
#include <charconv>

#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kBodyBytes = 64U << 10U;
constexpr std::size_t kDevicesListed = 1'000;

template <class... T>
struct Overloaded : T... {
    using T::operator()...;
};
template <class... T>
Overloaded(T...) -> Overloaded<T...>;

Error bad_request(std::string what, std::string hint = {}) {
    return {Errc::bad_request, std::move(what), std::move(hint)};
}

Error first_of(const std::vector<Fault>& faults) {
    return bad_request(faults.front().detail, faults.front().hint);
}

Result<Node> body_of(const HttpRequest& request) {
    std::vector<Fault> faults;
    auto node = parse_json(request.body, faults);
    if (!node) return first_of(faults);
    if (!node->is_table()) return bad_request("the body is no JSON object");
    return std::move(*node);
}

Result<ControlCall> parse_add(const HttpRequest& request, const Scenario& scenario) {
    auto body = body_of(request);
    if (!body) return std::move(body).error();
    std::vector<Fault> faults;
    ConfigView view(*body, faults);
    FaultSpec fault = read_fault_spec(view, scenario, true);
    if (has_errors(faults)) return first_of(faults);
    if (const auto misfit = fault_misfit(scenario, fault)) {
        return bad_request(misfit->detail, misfit->hint);
    }
    return ControlCall{ControlCall::AddFault{std::move(fault)}};
}

Result<ControlCall> parse_set(const HttpRequest& request, std::string_view address) {
    auto body = body_of(request);
    if (!body) return std::move(body).error();
    const Node* value = body->find("value");
    std::optional<double> number = value != nullptr ? value->number() : std::nullopt;
    if (value != nullptr && value->boolean() != nullptr) number = *value->boolean() ? 1 : 0;
    if (!number) return bad_request("'value' must be a number", "{\"value\": 1}");
    return ControlCall{ControlCall::SetInput{std::string(address), *number}};
}

Result<ControlCall> parse_clear(std::string_view text) {
    std::uint64_t id = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (ec != std::errc{} || end != text.data() + text.size()) {
        return bad_request("'" + std::string(text) + "' is no id of a fault");
    }
    return ControlCall{ControlCall::ClearFault{id}};
}

unsigned status_of(Errc code) {
    switch (code) {
        case Errc::bad_config:
        case Errc::bad_frame:
        case Errc::bad_request:
            return 400;
        case Errc::not_found:
            return 404;
        case Errc::conflict:
            return 409;
        case Errc::denied:
            return 401;
        case Errc::timeout:
        case Errc::unreachable:
        case Errc::refused:
        case Errc::busy:
        case Errc::storage_full:
        case Errc::storage_error:
            return 503;
        case Errc::internal:
            return 500;
    }
    return 500;
}

double seconds(SimTime t) {
    return static_cast<double>(t.count() / 1'000'000) / 1e3;
}

Node fault_node(const FaultBoard::Entry& entry, SimTime now) {
    const FaultSpec& fault = entry.spec;
    Node out = table({{"id", whole(static_cast<std::int64_t>(fault.id))},
                      {"on", text(fault.on)},
                      {"kind", text(std::string(to_text(fault.kind)))},
                      {"active", Node(entry.active)},
                      {"live", Node(entry.live)}});
    const auto change = entry.active ? fault.next_change(now) : std::nullopt;
    out.set("ends_in_s", change ? number(seconds(*change - now)) : Node());
    return out;
}

Node switch_node(std::string on, std::initializer_list<FaultPlace> places) {
    Node::Array kinds;
    for (const FaultKindInfo& each : all_fault_kinds()) {
        if (std::find(places.begin(), places.end(), each.place) != places.end()) {
            kinds.push_back(text(std::string(each.name)));
        }
    }
    return table({{"on", text(std::move(on))}, {"kinds", Node(std::move(kinds))}});
}

/// What can be switched, with the kinds that make sense there.
Node switches_of(const Scenario& scenario) {
    Node::Array out;
    for (const DeviceSpec& device : scenario.devices) {
        if (out.size() == kDevicesListed) break;
        out.push_back(switch_node("device/" + device.id, {FaultPlace::device, link_place(device)}));
    }
    if (scenario.starts_gateway) out.push_back(switch_node("gateway", {FaultPlace::gateway}));
    for (const ProxySpec& proxy : scenario.proxies) {
        out.push_back(switch_node("tcp/" + proxy.id, {FaultPlace::tcp}));
    }
    for (const FarSpec& far : scenario.fars) {
        out.push_back(
            switch_node("far/" + far.id, {far.http ? FaultPlace::far_http : FaultPlace::far_mqtt}));
    }
    return Node(std::move(out));
}

std::string status_json(Engine& engine) {
    const Scenario& scenario = engine.world().scenario();
    const SimTime now = engine.elapsed();
    Node::Array devices, inputs, faults;
    for (std::size_t i = 0; i < std::min(scenario.devices.size(), kDevicesListed); ++i) {
        devices.push_back(table({{"id", text(scenario.devices[i].id)},
                                 {"personality", text(scenario.devices[i].personality)},
                                 {"state", text(std::string(engine.state(i)))}}));
    }
    for (const auto& [address, value] : engine.inputs()) {
        inputs.push_back(table({{"id", text(address)}, {"value", number(value)}}));
    }
    for (const FaultBoard::Entry& entry : engine.faults().entries()) {
        if (!entry.cleared || entry.active) faults.push_back(fault_node(entry, now));
    }
    return write_json(
        table({{"scenario", text(scenario.name)},
               {"seed", whole(static_cast<std::int64_t>(scenario.seed))},
               {"running", Node(true)},
               {"paused", Node(engine.paused())},
               {"elapsed_s", number(seconds(now))},
               {"device_count", whole(static_cast<std::int64_t>(scenario.devices.size()))},
               {"devices", Node(std::move(devices))},
               {"inputs", Node(std::move(inputs))},
               {"faults", Node(std::move(faults))},
               {"switches", switches_of(scenario)}}));
}

/// On the engine's thread.
std::string perform(Engine& engine, const ControlCall& call) {
    const std::string done = "{}";
    return std::visit(
        Overloaded{
            [&](const ControlCall::Status&) { return http_response(200, status_json(engine)); },
            [&](const ControlCall::AddFault& add) {
                auto id = engine.faults().add(add.fault, engine.elapsed());
                if (!id) return control_problem(id.error());
                return http_response(201, "{\"id\":" + std::to_string(*id) + "}");
            },
            [&](const ControlCall::ClearFault& clear) {
                auto cleared = engine.faults().clear(clear.id);
                if (!cleared) return control_problem(cleared.error());
                return http_response(200, done);
            },
            [&](const ControlCall::SetInput& set) {
                if (engine.set_input(set.address, set.value)) return http_response(200, done);
                return control_problem(
                    {Errc::not_found, "no input '" + set.address + "'", "GET /status lists them"});
            },
            [&](const ControlCall::Pause&) {
                engine.pause();
                return http_response(200, done);
            },
            [&](const ControlCall::Resume&) {
                engine.resume();
                return http_response(200, done);
            },
            [&](const ControlCall::Stop&) {
                engine.stop();
                return http_response(200, done);
            }},
        call.what);
}

}  // namespace

std::string control_problem(const Error& error) {
    const unsigned status = status_of(error.code);
    const Node body = table({{"title", text(std::string(http_reason(status)))},
                             {"detail", text(error.what)},
                             {"hint", text(error.hint)}});
    return http_response(status, write_json(body), "application/problem+json");
}

Result<ControlCall> parse_control(const HttpRequest& request, const Scenario& scenario) {
    const std::string_view path = request.path();
    const auto is = [&request, path](std::string_view method, std::string_view wanted) {
        return request.method == method && path == wanted;
    };
    constexpr std::string_view kFaults = "/faults/", kInputs = "/inputs/";
    if (is("GET", "/status")) return ControlCall{ControlCall::Status{}};
    if (is("POST", "/faults")) return parse_add(request, scenario);
    if (is("POST", "/pause")) return ControlCall{ControlCall::Pause{}};
    if (is("POST", "/resume")) return ControlCall{ControlCall::Resume{}};
    if (is("POST", "/stop")) return ControlCall{ControlCall::Stop{}};
    if (request.method == "DELETE" && path.starts_with(kFaults)) {
        return parse_clear(path.substr(kFaults.size()));
    }
    if (request.method == "PUT" && path.starts_with(kInputs)) {
        return parse_set(request, path.substr(kInputs.size()));
    }
    return Error{Errc::not_found, "no " + request.method + " " + std::string(path),
                 "GET /status, POST /faults, DELETE /faults/{id}, PUT /inputs/{id}, POST /pause, "
                 "/resume, /stop"};
}

ControlServer::ControlServer(Engine& engine) : engine_(engine), loop_(*this) {}

ControlServer::~ControlServer() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
}

Result<void> ControlServer::start(const std::filesystem::path& path) {
    auto listening = loop_.listen_unix(path);
    if (!listening) return std::move(listening).error();
    thread_ = std::thread([this] { loop_.run(); });
    pthread_setname_np(thread_.native_handle(), "fog-sim-ctl");
    return {};
}

void ControlServer::opened(Stream&, std::uint64_t) {}

void ControlServer::closed(Stream& stream) {
    waiting_.erase(stream.id());
}

std::optional<MonoTime> ControlServer::due(MonoTime) {
    return std::nullopt;
}

void ControlServer::heard(Stream& stream) {
    if (waiting_.count(stream.id()) > 0) return;  // one at a time; the rest is read after it
    HttpParse parsed = parse_http_request(stream.heard(), kBodyBytes);
    switch (parsed.state) {
        case HttpParse::State::incomplete:
            if (stream.ended()) stream.close();
            return;
        case HttpParse::State::bad:
            stream.send(control_problem(bad_request(parsed.why)));
            stream.finish();
            return;
        case HttpParse::State::complete:
            stream.consume(parsed.used);
            waiting_[stream.id()] = parsed.request.keep_alive;
            answer(stream.id(), std::move(parsed.request));
            return;
    }
}

void ControlServer::answer(std::uint64_t id, HttpRequest request) {
    const auto reply = [this, id](const std::string& text) {
        Stream* stream = loop_.find(id);
        const auto found = waiting_.find(id);
        if (stream == nullptr || found == waiting_.end()) return;
        const bool keep = found->second;
        waiting_.erase(found);
        stream->send(text);
        if (!keep || stream->ended()) return stream->finish();
        heard(*stream);
    };
    // The scenario's places and devices don't change while it runs.
    auto call = parse_control(request, engine_.world().scenario());
    if (!call) return reply(control_problem(call.error()));
    const bool asked = engine_.ask([this, reply, call = std::move(*call)] {
        std::string text = perform(engine_, call);
        // A refusal means a thousand answers wait: that client then sees its connection end.
        [[maybe_unused]] const bool posted =
            loop_.post([reply, text = std::move(text)] { reply(text); });
    });
    if (!asked) reply(control_problem({Errc::busy, "the run is ending, or busy", "try again"}));
}

}  // namespace fog::sim
