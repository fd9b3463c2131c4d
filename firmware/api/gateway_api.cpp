#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/config/json.hpp"

namespace fog {
namespace {

std::string settings_json(const ApiParts& parts, const GatewaySettings::Values& values) {
    JsonOut out;
    out.open()
        .member("id", parts.records.gateway)
        .member("name", values.name)
        .member("time_zone", values.time_zone)
        .member("name_fixed", values.name_fixed);
    return out.close().take();
}

Response show(const ApiParts& parts) {
    const auto values = parts.gateway.get();
    auto response = json_response(settings_json(parts, *values));
    response.headers.emplace_back("ETag", values->etag);
    return response;
}

Response put(const ApiParts& parts, const Request& request) {
    const auto match = request.header("if-match");
    const auto now = parts.gateway.get();
    const std::string current = settings_json(parts, *now);
    if (match != now->etag) return version_problem(match.empty() ? 428 : 412, now->etag, current);
    std::vector<Fault> faults;
    std::string name;
    std::string zone;
    const auto node = parse_json(request.body, faults);
    if (node && node->is_table()) {
        ConfigView view(*node, faults);
        name = view.required_text("name");
        zone = view.text("time_zone", now->time_zone);
        view.done();
    } else if (node) {
        faults.push_back({"E0002", "", {}, "the body must be an object", {}, false});
    }
    if (!faults.empty()) return faults_problem("settings-invalid", "Not saved", faults);
    const auto saved = parts.gateway.put(name, zone, match);
    if (saved) return show(parts);
    if (saved.error().code == Errc::conflict)
        return version_problem(412, parts.gateway.get()->etag,
                               settings_json(parts, *parts.gateway.get()));
    if (saved.error().code != Errc::bad_request) return problem_response(problem_of(saved.error()));
    const std::string_view what = saved.error().what;
    const std::string member(what.substr(0, what.find(':')));
    return faults_problem(
        "settings-invalid", "Not saved",
        {{"E0004", "/" + member, {}, saved.error().what, saved.error().hint, false}});
}

}  // namespace

void register_gateway_api(Router& router, const ApiParts& parts) {
    Route get;
    get.pattern = "/api/v1/gateway";
    get.scopes = scope::kReadLive;
    get.run_on = RunOn::io;
    get.handler = [&parts](const Request&, const Responder& respond) { respond(show(parts)); };
    router.add(std::move(get));
    Route change;
    change.method = Method::put;
    change.pattern = "/api/v1/gateway";
    change.scopes = scope::kAdmin;
    change.handler = [&parts](const Request& request, const Responder& respond) {
        respond(put(parts, request));
    };
    router.add(std::move(change));
}

}  // namespace fog
