#include "firmware/api/auth/routes.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kMostBody = 16U << 10U;
constexpr std::int64_t kLongestToken = 10LL * 366 * 24 * 3600;  // seconds

Node text_node(std::string_view text) {
    return Node(Node::Data(std::string(text)));
}
Node flag_node(bool value) {
    Node out;  // assigned, not constructed: GCC 12 takes the latter for uninitialised
    out.data = value;
    return out;
}
Node number_node(std::uint64_t value) {
    Node out;
    out.data = static_cast<std::int64_t>(value);
    return out;
}
Node empty_table() {
    return Node(Node::Data(Node::Table{}));
}

Node scopes_node(std::uint32_t scopes) {
    Node::Array names;
    for (std::uint32_t bit = 1; bit != 0 && bit <= scope::kAll; bit <<= 1U) {
        if ((scopes & bit) != 0) names.push_back(text_node(scope_name(bit)));
    }
    return Node(Node::Data(std::move(names)));
}

Node texts_node(const std::vector<std::string>& texts) {
    Node::Array items;
    for (const std::string& text : texts) items.push_back(text_node(text));
    return Node(Node::Data(std::move(items)));
}

Response answer(const Node& node, unsigned status = 200) {
    Response response = json_response(write_json(node), status);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Response refuse(const Error& error, std::string_view instance, std::chrono::seconds wait = {}) {
    Problem problem = problem_of(error);
    if (error.code == Errc::busy) {
        problem.status = 429;
        problem.slug = "rate-exceeded";
        problem.title = "Too many tries";
        problem.retry_after_seconds =
            static_cast<unsigned>(std::max<std::int64_t>(wait.count(), 1));
    }
    return problem_response(problem, instance);
}

Response refuse_body(std::vector<Fault> faults, std::string_view instance) {
    const bool syntax = faults.front().code == "E0011";
    Problem problem;
    problem.status = syntax ? 400 : 422;
    problem.slug = syntax ? "json-invalid" : "body-invalid";
    problem.title = syntax ? "The body is not valid JSON" : "The body has faults";
    problem.detail = faults.front().detail;
    problem.hint = faults.front().hint;
    problem.errors = std::move(faults);
    return problem_response(problem, instance);
}

/// Reads the members of a JSON object body; on faults gives the answer instead.
std::optional<Response> read_body(const Request& request,
                                  const std::function<void(ConfigView&)>& read) {
    std::vector<Fault> faults;
    const auto body = parse_json(request.body, faults, {.bytes = kMostBody});
    if (body && !body->is_table())
        faults.push_back({"E0002", "", {}, "the body must be a JSON object", {}, false});
    if (body && faults.empty()) {
        ConfigView view(*body, faults);
        read(view);
        view.done();
    }
    if (faults.empty()) return std::nullopt;
    return refuse_body(std::move(faults), request.path);
}

/// The routes with the store they work on; handlers keep it alive together with the router.
class AuthRoutes {
public:
    explicit AuthRoutes(AuthStore& store) : store_(store) {}

    Response claim_state(const Request& /*request*/) {
        Node out = empty_table();
        out.set("claimed", flag_node(store_.claimed()));
        const auto wait = store_.claim_wait();
        if (wait.count() > 0)
            out.set("wait", number_node(static_cast<std::uint64_t>(wait.count())));
        return answer(out);
    }

    Response claim(const Request& request) {
        std::string code;
        std::string passphrase;
        if (auto bad = read_body(request, [&](ConfigView& view) {
                code = view.required_text("code");
                passphrase = view.required_text("passphrase");
            }))
            return *bad;
        auto session = store_.claim(code, passphrase);
        if (!session) return refuse(session.error(), request.path, store_.claim_wait());
        Node out = empty_table();
        out.set("claimed", flag_node(true));
        return with_cookie(answer(out), request, *session);
    }

    Response claim_code(const Request& request) {
        if (!is_local(request)) return only_local(request);
        auto code = store_.claim_code();
        if (!code) return refuse(code.error(), request.path);
        Node out = empty_table();
        out.set("code", text_node(*code));
        return answer(out);
    }

    Response claim_set(const Request& request) {
        if (!is_local(request)) return only_local(request);
        std::string passphrase;
        if (auto bad = read_body(
                request, [&](ConfigView& view) { passphrase = view.required_text("passphrase"); }))
            return *bad;
        if (auto done = store_.set_passphrase(passphrase); !done)
            return refuse(done.error(), request.path);
        return claim_state(request);
    }

    Response claim_reset(const Request& request) {
        if (!is_local(request)) return only_local(request);
        if (auto done = store_.reset(); !done) return refuse(done.error(), request.path);
        return claim_state(request);
    }

    Response session(const Request& request) {
        Node out = empty_table();
        out.set("name", text_node(request.principal.name));
        out.set("scopes", scopes_node(request.principal.scopes));
        out.set("subscribe", texts_node(request.principal.patterns));
        if (request.principal.expires)
            out.set("expires", text_node(to_rfc3339(*request.principal.expires)));
        return answer(out);
    }

    Response log_in(const Request& request) {
        std::string passphrase;
        if (auto bad = read_body(
                request, [&](ConfigView& view) { passphrase = view.required_text("passphrase"); }))
            return *bad;
        auto session = store_.log_in(passphrase, request.remote);
        if (!session)
            return refuse(session.error(), request.path, store_.login_wait(request.remote));
        Node out = empty_table();
        out.set("name", text_node("admin"));
        if (session->expires) out.set("expires", text_node(to_rfc3339(*session->expires)));
        return with_cookie(answer(out), request, *session);
    }

    Response log_out(const Request& request) {
        if (!request.principal.by_cookie)
            return refuse({Errc::bad_request, "there is no session to end",
                           "tokens are revoked by DELETE /api/v1/tokens/{id}"},
                          request.path);
        if (auto done = store_.revoke(request.principal.credential); !done)
            return refuse(done.error(), request.path);
        Response response;
        response.status = 204;
        response.headers.emplace_back("Set-Cookie", store_.cookie_name() +
                                                        "=; Path=/; Max-Age=0; HttpOnly; "
                                                        "SameSite=Strict");
        return response;
    }

    Response list_tokens(const Request& /*request*/) {
        Node::Array items;
        for (const CredentialKind kind : {CredentialKind::token, CredentialKind::stream}) {
            for (const CredentialPtr& one : store_.list(kind)) items.push_back(describe(*one));
        }
        Node out = empty_table();
        out.set("items", Node(Node::Data(std::move(items))));
        return answer(out);
    }

    Response create_token(const Request& request) {
        NewToken wanted;
        if (auto bad = read_body(request, [&](ConfigView& view) { read_token(view, wanted); }))
            return *bad;
        auto token = store_.create_token(wanted, request.principal);
        if (!token) return refuse(token.error(), request.path);
        Node out = issued(*token);
        out.set("name", text_node(wanted.name));
        out.set("scopes", scopes_node(wanted.scopes));
        out.set("subscribe", texts_node(wanted.patterns));
        return answer(out, 201);
    }

    Response create_stream_token(const Request& request) {
        std::vector<std::string> patterns;
        std::int64_t ttl = 0;
        if (auto bad = read_body(request, [&](ConfigView& view) {
                patterns = view.texts("subscribe");
                ttl = view.integer("ttl", 3600, 1, 86'400);
            }))
            return *bad;
        auto token =
            store_.create_stream_token(patterns, std::chrono::seconds(ttl), request.principal);
        if (!token) return refuse(token.error(), request.path);
        return answer(issued(*token), 201);
    }

    Response revoke_token(const Request& request) {
        const auto id = parse_int(request.value("id"));
        if (!id || *id < 1)
            return refuse({Errc::not_found, "no such token", "GET /api/v1/tokens lists them"},
                          request.path);
        if (auto done = store_.revoke(static_cast<std::uint64_t>(*id)); !done)
            return refuse(done.error(), request.path);
        Response response;
        response.status = 204;
        return response;
    }

private:
    static bool is_local(const Request& request) { return request.principal.name == "local"; }
    static Response only_local(const Request& request) {
        return refuse(
            {Errc::denied, "this works on the control socket only", "use fogctl on the box"},
            request.path);
    }

    static void read_token(ConfigView& view, NewToken& wanted) {
        wanted.name = view.text("name");
        for (const std::string& name : view.texts("scopes")) {
            const std::uint32_t bit = scope_bit(name);
            if (bit == 0) view.fault("scopes", "E0004", "unknown scope '" + name + "'", near(name));
            wanted.scopes |= bit;
        }
        if (!view.has("scopes")) view.fault("", "E0003", "'scopes' is missing");
        if (view.has("subscribe")) wanted.patterns = view.texts("subscribe");
        (void)view.raw("subscribe");
        const std::int64_t ttl = view.integer("ttl", 0, 1, kLongestToken);
        if (view.has("ttl")) wanted.lifetime = std::chrono::seconds(ttl);
    }

    static std::string near(std::string_view word) {
        std::vector<std::string_view> names;
        for (std::uint32_t bit = 1; bit <= scope::kAll; bit <<= 1U)
            names.push_back(scope_name(bit));
        const auto found = nearest(word, names);
        return found ? "did you mean '" + std::string(*found) + "'?" : "";
    }

    static Node issued(const Issued& token) {
        Node out = empty_table();
        out.set("id", number_node(token.id));
        out.set("token", text_node(token.secret));
        if (token.expires) out.set("expires", text_node(to_rfc3339(*token.expires)));
        return out;
    }

    static Node describe(const Credential& one) {
        Node out = empty_table();
        out.set("id", number_node(one.id));
        out.set("kind", text_node(to_text(one.kind)));
        out.set("name", text_node(one.name));
        out.set("last4", text_node(one.last4));
        out.set("scopes", scopes_node(one.scopes));
        out.set("subscribe", texts_node(one.patterns));
        out.set("created", text_node(to_rfc3339(one.created)));
        if (one.expires) out.set("expires", text_node(to_rfc3339(*one.expires)));
        const std::int64_t used = one.last_used.load(std::memory_order_relaxed);
        if (used != 0)
            out.set("last_used", text_node(to_rfc3339(WallTime{std::chrono::seconds(used)})));
        return out;
    }

    Response with_cookie(Response response, const Request& request, const Issued& session) const {
        const auto age =
            std::chrono::duration_cast<std::chrono::seconds>(store_.session_lifetime()).count();
        response.headers.emplace_back("Set-Cookie", store_.cookie_name() + "=" + session.secret +
                                                        "; Path=/; Max-Age=" + std::to_string(age) +
                                                        "; HttpOnly; SameSite=Strict" +
                                                        (request.secure ? "; Secure" : ""));
        return response;
    }

    AuthStore& store_;
};

enum class Who : std::uint8_t { anyone, unclaimed_too, known };

}  // namespace

void add_auth_routes(Router& router, AuthStore& store) {
    const auto routes = std::make_shared<AuthRoutes>(store);
    const auto add = [&](Method method, std::string pattern, Who who, std::uint32_t scopes,
                         Response (AuthRoutes::*handler)(const Request&)) {
        Route route;
        route.method = method;
        route.pattern = "/api/v1" + std::move(pattern);
        route.scopes = scopes;
        route.open = who != Who::known;
        route.before_claim = who == Who::unclaimed_too;
        route.run_on = RunOn::api;
        route.body_bytes = kMostBody;
        route.handler = [routes, handler](Request request, const Responder& respond) {
            respond((routes.get()->*handler)(request));
        };
        router.add(std::move(route));
    };
    using R = AuthRoutes;
    add(Method::get, "/claim", Who::unclaimed_too, 0, &R::claim_state);
    add(Method::post, "/claim", Who::unclaimed_too, 0, &R::claim);
    add(Method::get, "/claim/code", Who::unclaimed_too, 0, &R::claim_code);
    add(Method::post, "/claim/set", Who::unclaimed_too, 0, &R::claim_set);
    add(Method::post, "/claim/reset", Who::unclaimed_too, 0, &R::claim_reset);
    add(Method::get, "/session", Who::known, 0, &R::session);
    add(Method::post, "/session", Who::anyone, 0, &R::log_in);
    add(Method::del, "/session", Who::known, 0, &R::log_out);
    add(Method::get, "/tokens", Who::known, scope::kAdmin, &R::list_tokens);
    add(Method::post, "/tokens", Who::known, scope::kAdmin, &R::create_token);
    add(Method::del, "/tokens/{id}", Who::known, scope::kAdmin, &R::revoke_token);
    add(Method::post, "/tokens/stream", Who::known, scope::kReadLive, &R::create_stream_token);
}

}  // namespace fog
