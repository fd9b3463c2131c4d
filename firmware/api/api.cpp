#include "firmware/api/api.hpp"

#include <future>
#include <memory>

#include "firmware/core/text.hpp"

namespace fog {

void register_api(Router& router, const ApiParts& parts) {
    register_ingest_api(router, parts);
    register_device_api(router, parts);
    register_gateway_api(router, parts);
    register_history_api(router, parts);
    register_log_api(router, parts);
    register_registry_api(router, parts);
    register_simulator_api(router, parts);
    register_rule_api(router, parts);
    register_alarm_api(router, parts);
    register_uplink_api(router, parts);
    register_system_api(router, parts);
}

namespace {

constexpr auto kPipeWait = std::chrono::seconds(5);

Response busy() {
    return problem_response({503,
                             "busy",
                             "Too busy",
                             "the gateway takes no more requests right now",
                             "try again in a second",
                             {},
                             {},
                             {},
                             1});
}

}  // namespace

bool wait_on_pipe(const ApiParts& parts, const std::function<void(PipelineDesk&)>& job) {
    // Shared with the job: it may still run after we gave up waiting.
    auto done = std::make_shared<std::promise<void>>();
    auto finished = done->get_future();
    const bool taken = parts.pipeline.run([done, job](PipelineDesk& desk) {
        job(desk);
        done->set_value();
    });
    return taken && finished.wait_for(kPipeWait) == std::future_status::ready;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): handlers give theirs away
void answer_on_pipe(const ApiParts& parts, Responder respond,
                    std::function<Response(PipelineDesk&)> answer) {
    const bool taken = parts.pipeline.run(
        [respond, answer = std::move(answer)](PipelineDesk& desk) { respond(answer(desk)); });
    if (!taken) respond(busy());
}

void add_pipe_route(Router& router, const ApiParts& parts, Method method, std::string pattern,
                    std::uint32_t scopes,
                    std::function<Response(const Request&, PipelineDesk&)> answer) {
    Route route;
    route.method = method;
    route.pattern = std::move(pattern);
    route.scopes = scopes;
    route.run_on = RunOn::io;
    route.handler = [&parts, answer = std::move(answer)](Request request, Responder respond) {
        answer_on_pipe(parts, std::move(respond),
                       [answer, request = std::move(request)](PipelineDesk& desk) {
                           return answer(request, desk);
                       });
    };
    router.add(std::move(route));
}

Response bad_parameter(std::string_view name, std::string_view detail) {
    Problem problem;
    problem.status = 400;
    problem.slug = "parameter-invalid";
    problem.title = "A parameter is not valid";
    problem.detail = std::string(name) + ": " + std::string(detail);
    problem.errors.push_back({"E0002", std::string(name), {}, std::string(detail), {}, false});
    return problem_response(problem);
}

Response not_found(std::string_view what, std::string_view name) {
    Problem problem;
    problem.status = 404;
    problem.slug = "not-found";
    problem.title = "Not found";
    problem.detail = "there is no " + std::string(what) + " '" + std::string(name) + "'";
    return problem_response(problem);
}

Response version_problem(unsigned status, std::string_view etag, std::string_view current_json,
                         std::string_view text) {
    Problem problem;
    problem.status = status;
    problem.slug = status == 428 ? "if-match-missing" : "version-conflict";
    problem.title = status == 428 ? "If-Match is missing" : "Changed meanwhile";
    problem.detail =
        status == 428 ? "changing what exists needs If-Match" : "it has another version now";
    problem.hint = "GET it and send its ETag as If-Match";
    problem.members = "\"current\":{\"etag\":";
    append_json_string(problem.members, etag);
    problem.members.append(",\"value\":").append(current_json);
    if (!text.empty()) append_json_string(problem.members += ",\"text\":", text);
    problem.members += '}';
    auto response = problem_response(problem);
    if (!etag.empty()) response.headers.emplace_back("ETag", etag);
    return response;
}

Response faults_problem(std::string_view slug, std::string_view title,
                        const std::vector<Fault>& faults) {
    Problem problem;
    problem.status = 422;
    problem.slug = slug;
    problem.title = title;
    problem.detail = std::to_string(faults.size()) + (faults.size() == 1 ? " fault" : " faults");
    problem.errors = faults;
    if (!faults.empty()) problem.hint = faults.front().hint;
    return problem_response(problem);
}

void PipelineAlarmDesk::acknowledge(const std::string& alarm, const std::string& note,
                                    const Principal& by, Done done) {
    const bool taken = pipeline_.run([=, who = by.name](PipelineDesk& desk) {
        auto state = desk.rules.ack_alarm(alarm, who, note, desk.moment, desk.effects);
        done(state ? Result<void>() : Result<void>(std::move(state).error()));
    });
    if (!taken) done(Error{Errc::busy, "too busy", "try again in a second"});
}

}  // namespace fog
