#include "firmware/http/session_checks.hpp"

#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/http/target.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {

namespace {

constexpr Method kMethods[] = {Method::get,   Method::head, Method::post,   Method::put,
                               Method::patch, Method::del,  Method::options};

Problem make(unsigned status, std::string slug, std::string title, std::string detail = {},
             std::string hint = {}) {
    Problem problem;
    problem.status = status;
    problem.slug = std::move(slug);
    problem.title = std::move(title);
    problem.detail = std::move(detail);
    problem.hint = std::move(hint);
    return problem;
}

std::string scope_list(std::uint32_t scopes) {
    std::string out;
    for (std::uint32_t bit = 1; bit <= scope::kAdmin; bit <<= 1U) {
        if ((scopes & bit) == 0) continue;
        if (!out.empty()) out += ' ';
        out += scope_name(bit);
    }
    return out;
}

std::string_view bearer_of(const Request& request) {
    const auto header = request.header("authorization");
    if (header.size() > 7 && (header.substr(0, 7) == "Bearer " || header.substr(0, 7) == "bearer "))
        return trim(header.substr(7));
    return request.parameter("access_token").value_or(std::string_view{});
}

}  // namespace

std::optional<Problem> fill_request(std::string_view method, Request& request) {
    bool known = false;
    for (const Method one : kMethods) {
        if (to_text(one) != method) continue;
        request.method = one;
        known = true;
    }
    if (!known) return make(501, "method", "The method is not known here");
    const auto target = parse_target(request.target);
    auto query = target ? parse_query(target->raw_query) : std::nullopt;
    if (!query)
        return make(400, "target-invalid", "The request target is not valid",
                    "it must be a path with valid percent escapes in UTF-8");
    request.path = target->path;
    request.query = std::move(*query);
    return std::nullopt;
}

std::optional<Problem> check_names(const Request& request, const HttpConfig& config) {
    const auto host = request.header("host");
    if (host.empty()) return make(400, "host-missing", "The Host header is missing");
    if (!host_allowed(host, config.gateway, config.allowed_hosts))
        return make(421, "host-refused", "This box does not go by that name",
                    "Host '" + std::string(host.substr(0, 128)) + "' is not known here",
                    "Use the address, localhost, '" + config.gateway +
                        "' or a name listed in http.allowed_hosts.");
    const auto origin = request.header("origin");
    if (!origin.empty() && !origin_allowed(origin, host, config.allowed_origins))
        return make(403, "origin-refused", "Requests from that origin are refused",
                    "Origin '" + std::string(origin.substr(0, 128)) + "' is not this box",
                    "Exact origins can be listed in push.cors.origins.");
    return std::nullopt;
}

Problem no_route(const Request& request, const std::vector<Method>& allowed) {
    if (allowed.empty())
        return make(404, "not-found", "There is nothing here", "no resource at this path");
    std::string list;
    for (const Method one : allowed) {
        if (!list.empty()) list += ", ";
        list += to_text(one);
    }
    return make(405, "method", "The method is not allowed here",
                std::string(to_text(request.method)) + " is not one of " + list, list);
}

std::optional<Problem> check_access(const Route& route, Authenticator& authenticator,
                                    Request& request) {
    if (!authenticator.claimed() && !route.before_claim)
        return make(403, "unclaimed", "The box has not been claimed yet",
                    "it answers nothing but its claim page until then",
                    "Open / in a browser, or run: fogctl claim set");
    const Credentials credentials{bearer_of(request), request.header("cookie")};
    const auto why = authenticator.check(credentials, request.principal);
    if (why != Authenticator::Why::ok) request.principal = Principal{};
    // A stale cookie is nobody; a bad token is a mistake and is told.
    if (why == Authenticator::Why::expired && !credentials.bearer.empty())
        return make(401, "token-expired", "The token has expired");
    if (why == Authenticator::Why::unknown && !credentials.bearer.empty())
        return make(401, "token-invalid", "The token is not known");
    const Principal& caller = request.principal;
    if (!route.open) {
        if (!caller.known())
            return make(401, why == Authenticator::Why::expired ? "token-expired" : "token-invalid",
                        "Credentials are needed", {},
                        "Send Authorization: Bearer <token>, or log in.");
        if (!caller.may(route.scopes))
            return make(403, "not-allowed", "Not allowed",
                        "needs " + scope_list(route.scopes & ~caller.scopes));
    }
    const bool reads = request.method == Method::get || request.method == Method::head;
    if (caller.by_cookie && !reads && request.header("x-fogline") != "1")
        return make(403, "not-allowed", "The X-Fogline header is missing",
                    "with a cookie, every request but GET needs X-Fogline: 1", "Send X-Fogline: 1");
    return std::nullopt;
}

Response internal_fault(std::string_view what) {
    const std::string id = random_hex(6);
    log_error("http", "handler failed id=" + id + " what=" + std::string(what));
    return problem_response(make(500, "internal", "A fault of the gateway itself", "id " + id));
}

}  // namespace fog
