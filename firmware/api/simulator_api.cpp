#include "firmware/api/api.hpp"
#include "firmware/io/http_client.hpp"

namespace fog {
namespace {

constexpr auto kDeadline = std::chrono::seconds(2);
constexpr std::size_t kAnswerBytes = 1U << 20U;

Response problem(unsigned status, std::string_view slug, std::string_view title,
                 std::string_view detail, std::string_view hint) {
    Problem out;
    out.status = status;
    out.slug = slug;
    out.title = title;
    out.detail = detail;
    out.hint = hint;
    return problem_response(out);
}

/// A path segment of ours is the same on the other side; what a name may not hold never goes over.
bool plain(std::string_view id) {
    return !id.empty() && id.size() <= 128 && id != "." && id != ".." &&
           id.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
               "-_.:") == std::string_view::npos;
}

Response forward(const ApiParts& parts, const Request& request, std::string path) {
    if (parts.simulator_socket.empty())
        return problem(404, "no-simulator", "There is no simulator",
                       "simulator.socket is not set in the configuration",
                       "Start with ./fog demo, or set it to the socket fogsim was given.");
    if (const auto id = request.value("id"); !id.empty() || path.ends_with('/')) {
        if (!plain(id)) return not_found("thing with the id", id);
        path += id;
    }
    HttpTarget target;
    target.url = "unix:" + parts.simulator_socket;
    target.connect = kDeadline;
    target.read = kDeadline;
    target.body_bytes = kAnswerBytes;
    auto client = HttpClient::open(std::move(target));
    if (!client) return problem_response(problem_of(client.error()));
    HttpCall call;
    call.method = to_text(request.method);
    call.path = std::move(path);
    call.body = request.body;
    const auto answer = client->send(call);
    if (!answer) {
        if (answer.error().code == Errc::timeout)
            return problem(504, "simulator-timeout", "The simulator does not answer",
                           answer.error().what, "It may be busy; try again, or restart fogsim.");
        return problem(502, "simulator-unreachable", "The simulator cannot be reached",
                       answer.error().what, "Is fogsim running with this control socket?");
    }
    const auto type = answer->header("content-type");
    if (answer->status < 200 ||
        !(type.starts_with("application/json") || type.starts_with("application/problem+json") ||
          answer->body.empty()))
        return problem(502, "simulator-answer", "The simulator answered something else",
                       "status " + std::to_string(answer->status), {});
    Response response;
    response.status = answer->status;
    response.content_type = type.starts_with("application/problem+json")
                                ? "application/problem+json"
                                : "application/json";
    response.body = answer->body.empty() && answer->status != 204 ? "{}" : answer->body;
    return response;
}

}  // namespace

void register_simulator_api(Router& router, const ApiParts& parts) {
    const auto add = [&](Method method, std::string pattern, std::string path) {
        Route route;
        route.method = method;
        route.scopes = method == Method::get ? scope::kReadLive : scope::kAdmin;
        route.pattern = std::move(pattern);
        route.handler = [&parts, path = std::move(path)](const Request& request,
                                                         const Responder& respond) {
            respond(forward(parts, request, path));
        };
        router.add(std::move(route));
    };
    add(Method::get, "/api/v1/simulator", "/status");
    add(Method::post, "/api/v1/simulator/faults", "/faults");
    add(Method::del, "/api/v1/simulator/faults/{id}", "/faults/");
    add(Method::put, "/api/v1/simulator/inputs/{id}", "/inputs/");
    add(Method::post, "/api/v1/simulator/pause", "/pause");
    add(Method::post, "/api/v1/simulator/resume", "/resume");
}

}  // namespace fog
