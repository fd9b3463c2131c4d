#include "firmware/push/routes.hpp"

#include <map>
#include <memory>
#include <utility>

#include "firmware/push/open.hpp"

namespace fog {

namespace {

Response problem_of_stream(unsigned status, std::string slug, std::string title, std::string detail,
                           const Request& request) {
    Problem problem;
    problem.status = status;
    problem.slug = std::move(slug);
    problem.title = std::move(title);
    problem.detail = std::move(detail);
    return problem_response(problem, request.path);
}

/// EventSource gives up for good on any status but 200: what passes by itself is told in a stream.
Response refusal(const Problem& problem, const Request& request) {
    const bool passes = problem.status == 429 || problem.status == 503;
    const bool stream =
        request.header("accept").find("text/event-stream") != std::string_view::npos;
    if (!passes || !stream) return problem_response(problem, request.path);
    Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("Cache-Control", "no-store, no-transform");
    response.headers.emplace_back("X-Accel-Buffering", "no");
    response.body = "retry: " + std::to_string(problem.retry_after_seconds.value_or(2) * 1000) +
                    "\nevent: refused\ndata: {\"ev\":\"refused\",\"problem\":" +
                    problem_json(problem, request.path) + "}\n\n";
    return response;
}

/// The stream resource: picks the form and has its transport open it.
class StreamRoutes {
public:
    StreamRoutes(Hub& hub, std::span<const TransportInfo* const> transports) : hub_(hub) {
        for (const auto* info : transports) {
            auto made = info->make(hub);
            const auto form = made->form();
            transports_.emplace(form, std::move(made));
        }
    }

    Response open(const Request& request, const ParamList& list) {
        const auto form = choose_form(request);
        if (form == StreamForm::none)
            return problem_of_stream(406, "not-acceptable", "No form that is acceptable",
                                     "text/event-stream, application/x-ndjson or application/json",
                                     request);
        const auto found = transports_.find(form);
        if (found == transports_.end())
            return problem_of_stream(
                501, "not-available", "Not available in this version",
                "transport " + std::string(to_text(form)) + " is not built yet", request);
        if (form != StreamForm::websocket && !request.principal.known())
            return problem_of_stream(401, "token-invalid", "Credentials are needed", {}, request);
        if (const auto problem = hub_.refuses(request)) return refusal(*problem, request);
        return found->second->open(request, list);
    }

    Response post(const Request& request) {
        const auto type = request.header("content-type");
        if (type.rfind("application/json", 0) != 0)
            return problem_of_stream(415, "media-type", "The body type is not supported",
                                     "application/json is needed", request);
        const auto params = json_params(request.body);
        if (params.problem) return problem_response(*params.problem, request.path);
        return open(request, params.list);
    }

private:
    Hub& hub_;
    std::map<StreamForm, std::unique_ptr<Transport>> transports_;
};

Route stream_route(Method method, std::string pattern,
                   std::function<void(Request, Responder)> handler) {
    Route route;
    route.method = method;
    route.pattern = std::move(pattern);
    route.open = true;  // a WebSocket client may send its credentials as a message
    route.run_on = RunOn::io;
    route.body_bytes = 64U << 10U;
    route.handler = std::move(handler);
    return route;
}

}  // namespace

void register_push_routes(Router& router, Hub& hub,
                          std::span<const TransportInfo* const> transports) {
    const auto streams = std::make_shared<StreamRoutes>(hub, transports);
    router.add(stream_route(Method::get, "/api/v1/stream",
                            [streams](const Request& request, const Responder& respond) {
                                respond(streams->open(request, stream_query(request.target)));
                            }));
    router.add(stream_route(Method::post, "/api/v1/stream",
                            [streams](const Request& request, const Responder& respond) {
                                respond(streams->post(request));
                            }));
    router.add(stream_route(Method::get, "/events/{topic...}",
                            [streams](const Request& request, const Responder& respond) {
                                std::string topic(request.value("topic"));
                                if (!topic.empty() && topic.back() == '/') topic.pop_back();
                                auto list = stream_query(request.target);
                                list.emplace_back("channel", std::move(topic));
                                respond(streams->open(request, list));
                            }));
    Route clients;
    clients.pattern = "/api/v1/push/clients";
    clients.scopes = scope::kAdmin;
    clients.run_on = RunOn::io;
    clients.handler = [&hub](const Request&, const Responder& respond) {
        auto response = json_response(hub.clients_json());
        response.headers.emplace_back("Cache-Control", "no-store");
        respond(std::move(response));
    };
    router.add(clients);
    clients.method = Method::del;
    clients.pattern = "/api/v1/push/clients/{conn}";
    clients.handler = [&hub](const Request& request, const Responder& respond) {
        if (hub.close_client(request.value("conn"))) return respond(json_response("{}"));
        respond(problem_of_stream(404, "not-found", "No such connection", {}, request));
    };
    router.add(clients);
}

}  // namespace fog
