// Newcomers: who waits to be kept, what happens to who comes next, what the limits hold back.
#include <memory>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

std::string policies_json(const NewPolicies& policies) {
    JsonOut out;
    out.open();
    for (std::size_t i = 0; i < kNewKinds; ++i)
        out.member(to_text(static_cast<NewKind>(i)), to_text(policies[i]));
    return out.close().take();
}

std::string etag_of(const NewPolicies& policies) {
    std::string tag = "\"";
    for (const NewPolicy one : policies) tag += to_text(one).substr(0, 2);
    return tag + "\"";
}

Response show(PipelineDesk& desk) {
    const Registry& registry = desk.registry;
    std::size_t ignored = 0;
    for (const DeviceState& device : registry.devices())
        ignored += device.admission == Admission::ignored ? 1 : 0;
    JsonOut out;
    out.open()
        .member_raw("new", policies_json(registry.policies()))
        .member("fixed", registry.policies_fixed())
        .member("provisional", registry.provisional_count())
        .member("ignored", ignored)
        .member("held_back", registry.held_back())
        .key("held_back_by")
        .open('[');
    for (const HeldBack& one : registry.held_back_by())
        out.open()
            .member("why", one.why)
            .member("source", one.source)
            .member("last", one.last)
            .member("times", one.times)
            .close();
    auto response = json_response(out.close(']').close().take());
    response.headers.emplace_back("ETag", etag_of(registry.policies()));
    return response;
}

/// {"new": {"announced": "auto", "structured": "ask", "generic": "ignore"}}; what is left out
/// stays.
std::vector<Fault> read_policies(const Request& request, NewPolicies& policies) {
    std::vector<Fault> faults;
    const auto node = parse_json(request.body, faults);
    if (!node || !node->is_table()) {
        if (faults.empty())
            faults.push_back({"E0002", "", {}, "the body must be an object", {}, false});
        return faults;
    }
    ConfigView view(*node, faults);
    ConfigView given = view.table("new");
    for (std::size_t i = 0; i < kNewKinds; ++i)
        policies[i] = new_policy(given.choice(to_text(static_cast<NewKind>(i)),
                                              to_text(policies[i]), {"auto", "ask", "ignore"}))
                          .value_or(policies[i]);
    given.done();
    view.done();
    return faults;
}

Response put(const Request& request, PipelineDesk& desk) {
    const NewPolicies& now = desk.registry.policies();
    const auto match = request.header("if-match");
    if (match != etag_of(now))
        return version_problem(match.empty() ? 428 : 412, etag_of(now), policies_json(now));
    if (desk.registry.policies_fixed())
        return faults_problem("settings-invalid", "Not saved",
                              {{"E0004",
                                "/new",
                                {},
                                "it is set in the configuration",
                                "change registry.new there, or remove it to set it here",
                                false}});
    NewPolicies wanted = now;
    if (const auto faults = read_policies(request, wanted); !faults.empty())
        return faults_problem("settings-invalid", "Not saved", faults);
    desk.registry.set_policies(wanted, false);
    desk.registry_changed = true;
    return show(desk);
}

void tell(const DeviceState& device, std::string_view who, PipelineDesk& desk) {
    std::string members = "\"admission\":";
    append_json_string(members, to_text(device.admission));
    append_json_string(members += ",\"by\":", who);
    EffectEvent effect;
    effect.lane = Lane::live;
    effect.event = {EventKind::device,  "devices/" + device.id + "/admission",
                    device.id,          {},
                    desk.moment.boot,   desk.moment.now,
                    std::move(members), 0};
    desk.effects.events.push_back(std::move(effect));
}

// A rule that reads it would wait for ever for what is no longer recorded.
std::string rule_that_reads(const PipelineDesk& desk, std::string_view device) {
    for (const RuleInfo& rule : desk.rules.list())
        for (const auto& instance : rule.instances)
            if (instance.device == device) return rule.id;
    return {};
}

Response admit(const Request& request, PipelineDesk& desk, Admission to) {
    const auto index = desk.registry.index_of(request.value("dev"));
    if (!index) return not_found("device", request.value("dev"));
    const DeviceState& device = desk.registry.devices()[*index];
    if (to == Admission::ignored && device.admission == Admission::active) {
        if (const std::string rule = rule_that_reads(desk, device.id); !rule.empty()) {
            Problem problem;
            problem.status = 409;
            problem.slug = "in-use";
            problem.title = "A rule reads this device";
            problem.detail = "rule '" + rule + "' reads '" + device.id + "'";
            problem.hint = "change or delete the rule first";
            return problem_response(problem);
        }
    }
    if (desk.registry.admit(*index, to)) {
        desk.registry_changed = true;
        if (to == Admission::active)
            for (const PointId point : device.points)
                desk.rules.point_appeared(point, desk.moment, desk.effects);
        tell(device, request.principal.name, desk);
    }
    JsonOut out;
    out.open().member("id", device.id).member("admission", to_text(device.admission)).close();
    return json_response(out.take());
}

}  // namespace

void register_registry_api(Router& router, const ApiParts& parts) {
    const auto add = [&](Method method, std::string pattern, std::uint32_t scopes,
                         std::function<Response(const Request&, PipelineDesk&)> answer) {
        add_pipe_route(router, parts, method, std::move(pattern), scopes, std::move(answer));
    };
    add(Method::get, "/api/v1/registry", scope::kReadLive,
        [](const Request&, PipelineDesk& desk) { return show(desk); });
    add(Method::put, "/api/v1/registry", scope::kWriteDevices, put);
    add(Method::post, "/api/v1/devices/{dev}/keep", scope::kWriteDevices,
        [](const Request& request, PipelineDesk& desk) {
            return admit(request, desk, Admission::active);
        });
    add(Method::post, "/api/v1/devices/{dev}/ignore", scope::kWriteDevices,
        [](const Request& request, PipelineDesk& desk) {
            return admit(request, desk, Admission::ignored);
        });
}

}  // namespace fog
