#include <algorithm>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/api/rule_files.hpp"
#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"

namespace fog {
namespace {

bool has_errors(const std::vector<Fault>& faults) {
    return std::any_of(faults.begin(), faults.end(),
                       [](const Fault& fault) { return !fault.warning; });
}

void add_faults(JsonOut& out, const std::vector<Fault>& faults) {
    out.open('[');
    for (const Fault& fault : faults) {
        out.open()
            .member("code", fault.code)
            .member("pointer", fault.pointer)
            .member("detail", fault.detail)
            .member("hint", fault.hint)
            .member("warning", fault.warning);
        if (fault.mark.line != 0)
            out.member("line", fault.mark.line).member("col", fault.mark.column);
        out.close();
    }
    out.close(']');
}

void add_rule(JsonOut& out, const RuleFile& file, const RuleInfo* info) {
    out.open().member("id", file.id).member("etag", file.etag).member("managed", file.managed);
    out.member_raw("rule", write_json(file.node));
    std::vector<Fault> faults;
    if (info != nullptr) {
        faults.insert(faults.end(), info->faults.begin(), info->faults.end());
        out.member("title", info->title)
            .member("mode", info->mode)
            .member("version", info->version)
            .member("by", info->who)
            .member("active", info->active)
            .member("evaluations", info->evaluations)
            .member("fires", info->fires)
            .member("withheld", info->withheld);
        out.key("instances").open('[');
        for (const auto& instance : info->instances)
            out.open()
                .member("dev", instance.device)
                .member("state", instance.state)
                .member("why", instance.why)
                .close();
        out.close(']');
    } else {
        out.member("active", false);
    }
    out.key("faults");
    add_faults(out, faults);
    out.close();
}

const RuleInfo* find_info(const std::vector<RuleInfo>& infos, std::string_view id) {
    const auto found = std::find_if(infos.begin(), infos.end(),
                                    [id](const RuleInfo& info) { return info.id == id; });
    return found != infos.end() ? &*found : nullptr;
}

void list_rules(const ApiParts& parts, const Request&, Responder respond) {
    answer_on_pipe(parts, std::move(respond),
                   [folder = read_rules(parts.rules)](PipelineDesk& desk) {
                       const auto infos = desk.rules.list();
                       JsonOut out;
                       out.open().key("items").open('[');
                       for (const RuleFile& file : folder.files)
                           add_rule(out, file, find_info(infos, file.id));
                       out.close(']').key("next").raw("null").key("faults");
                       add_faults(out, folder.faults);
                       return json_response(out.close().take());
                   });
}

void show_rule(const ApiParts& parts, const Request& request, Responder respond) {
    auto object = parts.rules.get(request.value("id"));
    if (!object) return respond(problem_response(problem_of(object.error())));
    answer_on_pipe(parts, std::move(respond),
                   [file = rule_file(std::move(*object))](PipelineDesk& desk) {
                       JsonOut out;
                       add_rule(out, file, find_info(desk.rules.list(), file.id));
                       auto response = json_response(out.take());
                       response.headers.emplace_back("ETag", file.etag);
                       return response;
                   });
}

/// What the file holds now: for the three-way diff of whoever comes too late.
Response stale(unsigned status, const StoredObject& current) {
    return version_problem(status, current.etag, write_json(current.object.node),
                           write_toml(current.object.node).value_or(""));
}

/// The optimistic lock of all config objects; nothing = go ahead.
std::optional<Response> check_version(const Request& request,
                                      const Result<StoredObject>& existing) {
    const auto match = request.header("if-match");
    if (!existing) {
        if (!match.empty()) return version_problem(412, {}, "null");
        return std::nullopt;
    }
    if (request.header("if-none-match") == "*") return stale(412, *existing);
    if (match.empty()) return stale(428, *existing);
    if (match != existing->etag) return stale(412, *existing);
    return std::nullopt;
}

/// The answer to a write that failed: somebody else may have been faster by a moment.
Response write_failed(const ApiParts& parts, std::string_view id, const Error& error) {
    if (error.code == Errc::conflict)
        if (const auto current = parts.rules.get(id)) return stale(412, *current);
    return problem_response(problem_of(error));
}

Precondition precondition(const Request& request) {
    return {std::string(request.header("if-match")), request.header("if-none-match") == "*"};
}

std::optional<Node> body_node(const Request& request, Responder& respond) {
    std::vector<Fault> faults;
    auto node = parse_json(request.body, faults);
    if (node && node->is_table()) return node;
    if (node) faults.push_back({"E0002", "", {}, "the body must be an object", {}, false});
    Problem problem;
    problem.status = 400;
    problem.slug = "json-invalid";
    problem.title = "Not a JSON object";
    problem.detail = faults.front().detail;
    problem.errors = faults;
    respond(problem_response(problem));
    return std::nullopt;
}

/// The engine's opinion; nothing if fog-pipe is too busy.
std::optional<std::vector<Fault>> check_on_pipe(const ApiParts& parts, const std::string& id,
                                                const Node& node) {
    // Kept alive by the job, which may outlast our patience.
    const auto faults = std::make_shared<std::vector<Fault>>();
    const bool done = wait_on_pipe(
        parts, [faults, id, node](PipelineDesk& desk) { *faults = desk.rules.check(id, node); });
    if (!done) return std::nullopt;
    return *faults;
}

Response too_busy() {
    return problem_response(
        problem_of(Error{Errc::busy, "the rules did not answer in time", "try again in a second"}));
}

void put_rule(const ApiParts& parts, const Request& request, Responder respond) {
    const std::string id(request.value("id"));
    const auto existing = parts.rules.get(id);
    if (auto failed = check_version(request, existing)) return respond(std::move(*failed));
    const auto node = body_node(request, respond);
    if (!node) return;
    const auto faults = check_on_pipe(parts, id, *node);
    if (!faults) return respond(too_busy());
    if (has_errors(*faults))
        return respond(faults_problem("rule-invalid", "The rule was not saved", *faults));
    auto saved = parts.rules.put(id, *node, precondition(request));
    if (!saved) return respond(write_failed(parts, id, saved.error()));
    const unsigned status = existing ? 200 : 201;
    answer_on_pipe(parts, std::move(respond),
                   [file = rule_file(std::move(*saved)), status,
                    who = request.principal.name](PipelineDesk& desk) {
                       desk.rules.load(file.id, file.node, file.version, who, desk.moment,
                                       desk.effects);
                       JsonOut out;
                       add_rule(out, file, find_info(desk.rules.list(), file.id));
                       auto response = json_response(out.take(), status);
                       response.headers.emplace_back("ETag", file.etag);
                       return response;
                   });
}

void delete_rule(const ApiParts& parts, const Request& request, Responder respond) {
    const std::string id(request.value("id"));
    const auto existing = parts.rules.get(id);
    if (!existing) return respond(problem_response(problem_of(existing.error())));
    if (auto failed = check_version(request, existing)) return respond(std::move(*failed));
    if (auto removed = parts.rules.remove(id, precondition(request)); !removed)
        return respond(write_failed(parts, id, removed.error()));
    answer_on_pipe(parts, std::move(respond), [id](PipelineDesk& desk) {
        desk.rules.remove(id, desk.moment, desk.effects);
        return json_response("{}");
    });
}

void check_rule(const ApiParts& parts, const Request& request, Responder respond) {
    const auto node = body_node(request, respond);
    if (!node) return;
    const auto faults =
        check_on_pipe(parts, std::string(request.parameter("id").value_or("rule")), *node);
    if (!faults) return respond(too_busy());
    JsonOut out;
    out.open().member("ok", !has_errors(*faults)).key("faults");
    add_faults(out, *faults);
    respond(json_response(out.close().take()));
}

void reload(const ApiParts& parts, const Request& request, Responder respond) {
    answer_on_pipe(
        parts, std::move(respond),
        [folder = read_rules(parts.rules), who = request.principal.name](PipelineDesk& desk) {
            const auto faults = apply_rules(folder, desk.rules, desk.moment, desk.effects, who);
            JsonOut out;
            out.open().member("rules", folder.files.size()).key("faults");
            add_faults(out, faults);
            return json_response(out.close().take());
        });
}

}  // namespace

void register_rule_api(Router& router, const ApiParts& parts) {
    using Handler = void (*)(const ApiParts&, const Request&, Responder);
    const auto add = [&](Method method, std::string pattern, std::uint32_t scopes,
                         Handler handler) {
        Route route;
        route.method = method;
        route.pattern = std::move(pattern);
        route.scopes = scopes;
        route.handler = [&parts, handler](const Request& request, Responder respond) {
            handler(parts, request, std::move(respond));
        };
        router.add(std::move(route));
    };
    add(Method::get, "/api/v1/rules", scope::kReadLive, list_rules);
    add(Method::post, "/api/v1/rules/check", scope::kReadLive, check_rule);
    add(Method::get, "/api/v1/rules/{id}", scope::kReadLive, show_rule);
    add(Method::put, "/api/v1/rules/{id}", scope::kWriteRules, put_rule);
    add(Method::del, "/api/v1/rules/{id}", scope::kWriteRules, delete_rule);
    add(Method::post, "/api/v1/config/reload", scope::kAdmin, reload);
}

}  // namespace fog
