#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/config/json.hpp"

namespace fog {
namespace {

void add_alarm(JsonOut& out, const ApiParts& parts, const AlarmInfo& alarm) {
    std::string value;
    append_value_json(value, alarm.value);
    out.open()
        .member("alarm", alarm.alarm)
        .member("occurrence", alarm.occurrence)
        .member("dev", alarm.device)
        .member("pt", alarm.point)
        .member("rule", alarm.rule)
        .member("version", alarm.version)
        .member("state", to_text(alarm.state))
        .member("stale", alarm.stale)
        .member("severity", to_text(alarm.severity))
        .member("level", alarm.level)
        .member("text", alarm.text)
        .member_raw("v", value)
        .member("u", alarm.unit);
    if (alarm.limit) out.member("limit", *alarm.limit);
    if (const auto since = parts.records.boots->wall(alarm.boot, alarm.since))
        out.time("since", *since);
    if (!alarm.acked_by.empty()) out.member("by", alarm.acked_by).member("note", alarm.note);
    out.close();
}

Response alarm_list(const ApiParts& parts, PipelineDesk& desk) {
    JsonOut out;
    out.open().key("items").open('[');
    for (const AlarmInfo& alarm : desk.rules.alarms()) add_alarm(out, parts, alarm);
    return json_response(out.close(']').key("next").raw("null").close().take());
}

/// Reads {"note": "..."}; anything else in the body is refused.
bool read_note(const Request& request, std::string& note, Responder& respond) {
    if (request.body.empty()) return true;
    std::vector<Fault> faults;
    const auto node = parse_json(request.body, faults);
    if (node) {
        ConfigView view(*node, faults);
        note = view.text("note");
        view.done();
        if (!node->is_table())
            faults.push_back({"E0002", "", {}, "the body must be an object", {}, false});
    }
    if (faults.empty()) return true;
    respond(faults_problem("json-invalid", "Bad request body", faults));
    return false;
}

using Change = Result<AlarmState> (RuleEngine::*)(std::string_view, std::string_view,
                                                  std::string_view, RuleMoment, Effects&);

void change_alarm(const ApiParts& parts, const Request& request, Responder respond, Change change) {
    std::string note;
    if (!read_note(request, note, respond)) return;
    const std::string id(request.value("id"));
    answer_on_pipe(parts, std::move(respond),
                   [=, who = request.principal.name](PipelineDesk& desk) {
                       auto state = (desk.rules.*change)(id, who, note, desk.moment, desk.effects);
                       if (!state) return problem_response(problem_of(state.error()));
                       JsonOut out;
                       out.open().member("alarm", id).member("state", to_text(*state)).close();
                       return json_response(out.take());
                   });
}

}  // namespace

void register_alarm_api(Router& router, const ApiParts& parts) {
    Route list;
    list.pattern = "/api/v1/alarms";
    list.scopes = scope::kReadLive;
    list.run_on = RunOn::io;
    list.handler = [&parts](const Request&, Responder respond) {
        answer_on_pipe(parts, std::move(respond),
                       [&parts](PipelineDesk& desk) { return alarm_list(parts, desk); });
    };
    router.add(std::move(list));
    const auto add = [&](std::string pattern, Change change) {
        Route route;
        route.method = Method::post;
        route.pattern = std::move(pattern);
        route.scopes = scope::kAckAlarms;
        route.run_on = RunOn::io;
        route.handler = [&parts, change](const Request& request, Responder respond) {
            change_alarm(parts, request, std::move(respond), change);
        };
        router.add(std::move(route));
    };
    add("/api/v1/alarms/{id}/ack", &RuleEngine::ack_alarm);
    add("/api/v1/alarms/{id}/reset", &RuleEngine::reset_alarm);
}

}  // namespace fog
