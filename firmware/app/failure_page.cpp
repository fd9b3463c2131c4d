#include "firmware/app/failure_page.hpp"

#include <algorithm>

#include "firmware/api/json_out.hpp"
#include "firmware/http/server.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr std::string_view kTitle = "The gateway cannot start";

/// Nobody is anybody here; only who may reach the port matters.
class NoCredentials final : public Authenticator {
public:
    explicit NoCredentials(bool claimed) : claimed_(claimed) {}
    Why check(const Credentials&, Principal&) override { return Why::none; }
    bool still_valid(const Principal&) override { return false; }
    bool claimed() const override { return claimed_; }

private:
    bool claimed_;
};

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : repair_utf8(text)) {
        if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

std::string check_command(const Failure& failure) {
    return "foglined --check-config " + failure.config.string();
}

Response answer(const Failure& failure, const Request& request) {
    const bool page = request.header("accept").find("text/html") != std::string_view::npos;
    Response response;
    response.status = 503;
    response.content_type = page ? "text/html; charset=utf-8" : "application/problem+json";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("Retry-After", "5");
    response.body = page ? failure_html(failure) : failure_json(failure);
    return response;
}

}  // namespace

std::string failure_html(const Failure& failure) {
    std::string out = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>";
    out.append(kTitle).append(
        "</title><meta name=\"viewport\" content=\"width=device-width\"></head><body><main><h1>");
    out.append(kTitle).append("</h1><p>Its configuration has faults:</p><ul>");
    for (const Fault& fault : failure.faults) {
        if (fault.warning) continue;
        out += "<li><p>";
        if (!fault.mark.file.empty()) {
            out += "File <code>" + escaped(fault.mark.file) + "</code>";
            if (fault.mark.line != 0)
                out += ", line " + std::to_string(fault.mark.line) + ", column " +
                       std::to_string(fault.mark.column);
            out += ": ";
        }
        out += escaped(fault.detail) + "</p>";
        if (!fault.hint.empty()) out += "<p>What to try: " + escaped(fault.hint) + "</p>";
        out += "</li>";
    }
    out +=
        "</ul><p>Correct the file; the gateway looks at it again by itself. To check it: <code>" +
        escaped(check_command(failure)) + "</code></p></main></body></html>\n";
    return out;
}

std::string failure_json(const Failure& failure) {
    Problem problem;
    problem.status = 503;
    problem.slug = "config-invalid";
    problem.title = kTitle;
    for (const Fault& fault : failure.faults)
        if (!fault.warning) problem.errors.push_back(fault);
    if (!problem.errors.empty()) problem.detail = to_text(problem.errors.front());
    problem.hint = check_command(failure);
    return problem_json(problem);
}

void register_failure(Router& router, const Failure& failure) {
    const auto add = [&](Method method, std::string pattern,
                         std::function<void(Request, Responder)> handler) {
        Route route;
        route.method = method;
        route.pattern = std::move(pattern);
        route.open = route.before_claim = true;
        route.run_on = RunOn::io;
        route.handler = std::move(handler);
        router.add(std::move(route));
    };
    add(Method::get, "/livez", [](const Request&, const Responder& respond) {
        respond(json_response(R"({"status":"ok"})"));
    });
    for (const Method method : {Method::get, Method::post, Method::put, Method::patch, Method::del})
        for (const auto* pattern : {"/", "/{rest...}"})
            add(method, pattern, [failure](const Request& request, const Responder& respond) {
                respond(answer(failure, request));
            });
}

Result<void> serve_failure(EventLoop& loop, const Config& config, const Failure& failure,
                           bool claimed, const std::filesystem::path& port_file,
                           const std::function<bool()>& good) {
    Router router;
    register_failure(router, failure);
    NoCredentials nobody(claimed);
    Metrics metrics;
    const Limits limits;
    HttpConfig settings;
    settings.gateway = config.gateway.name;
    settings.allowed_hosts = config.http.allowed_hosts;
    settings.api_threads = 1;
    HttpServer server(HttpParts{loop, router, nobody, limits, metrics}, std::move(settings));
    // As the normal start does: other than loopback addresses only on a box that has an owner.
    std::vector<std::string> addresses = config.http.listen;
    if (addresses.empty()) addresses = {"127.0.0.1", "::"};
    std::uint16_t port = config.http.port;
    bool bound = false;
    for (const std::string& address : addresses) {
        if (!claimed && !address.starts_with("127.") && address != "::1") continue;
        auto listening = server.listen(address, port);
        if (!listening && bound) continue;
        if (!listening) return std::move(listening).error();
        port = *listening;
        bound = true;
    }
    if (auto written = write_file(port_file, std::to_string(port) + "\n", 0644); !written)
        return written;
    notify_supervisor("READY=1\nSTATUS=the configuration has faults: serving the failure page");
    log_error("start", "serving the failure page port=" + std::to_string(port));
    loop.every(std::chrono::seconds(1), [&loop, &good] {
        notify_supervisor("WATCHDOG=1");
        if (good()) loop.stop();
    });
    loop.run();
    server.stop();
    return {};
}

}  // namespace fog
