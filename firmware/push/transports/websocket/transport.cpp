#include "firmware/push/transport.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/http/ws_frame.hpp"
#include "firmware/push/open.hpp"
#include "firmware/push/transports/websocket/talk.hpp"

namespace fog {

namespace {

constexpr std::string_view kProtocol = "fogline.v1.json";

class WsWire final : public Wire {
public:
    std::string_view name() const override { return "websocket"; }

    void record(const Frame& frame, std::uint32_t n, std::optional<Position> pos, bool,
                Gather& out) const override {
        if (n == 1 && pos && *pos == frame.position()) return out.add(frame.ws());
        std::string end;
        if (n != 1) end = ",\"n\":" + std::to_string(n);
        if (pos) end += ",\"pos\":\"" + pos->text() + "\"";
        end += '}';
        std::string header;
        ws::append_header(header, ws::Opcode::text, frame.open_envelope().size() + end.size());
        out.add_private(header);
        out.add(frame.open_envelope());
        out.add_private(end);
    }

    std::string control(std::string_view, std::string_view json, std::optional<Position>,
                        bool) const override {
        std::string out;
        ws::append_frame(out, ws::Opcode::text, json);
        return out;
    }

    // Pings come from WsTalk at a fixed pace, whether there are events or not.
    std::string tick(std::optional<Position>, std::size_t) const override { return {}; }
    std::string retry(std::size_t) const override { return {}; }
    std::string farewell(std::uint16_t code, std::string_view reason) const override {
        return ws::close_frame(code, reason);
    }
};

const WsWire kWire;

bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto item = trim(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        const bool same = std::equal(item.begin(), item.end(), word.begin(), word.end(),
                                     [](char a, char b) { return (a | 0x20) == (b | 0x20); });
        if (same) return true;
    }
    return false;
}

Problem make(unsigned status, std::string slug, std::string title, std::string detail = {}) {
    Problem problem;
    problem.status = status;
    problem.slug = std::move(slug);
    problem.title = std::move(title);
    problem.detail = std::move(detail);
    return problem;
}

std::optional<Problem> check_handshake(const Request& request) {
    if (request.method != Method::get) return make(405, "method", "A WebSocket begins with GET");
    if (request.header("sec-websocket-version") != "13")
        return make(426, "websocket-version", "The WebSocket version is not supported",
                    "version 13 is");
    const auto key = request.header("sec-websocket-key");
    if (key.size() != 24 || key.substr(22) != "==" ||
        !has_word(request.header("connection"), "upgrade"))
        return make(400, "websocket-invalid", "The WebSocket handshake is not valid");
    const auto offered = request.header("sec-websocket-protocol");
    if (!offered.empty() && !has_word(offered, kProtocol))
        return make(400, "sub-protocol", "No sub-protocol that is known here",
                    std::string(kProtocol) + " is");
    return std::nullopt;
}

class WebSocketTransport final : public Transport {
public:
    explicit WebSocketTransport(Hub& hub) : hub_(hub) {}
    StreamForm form() const override { return StreamForm::websocket; }

    Response open(const Request& request, const ParamList& list) override {
        auto problem = check_handshake(request);
        StreamParams params;
        const bool subscribes = std::any_of(list.begin(), list.end(), [](const auto& one) {
            return one.first != "access_token" && one.first != "transport";
        });
        if (!problem && subscribes && !request.principal.known())
            problem = make(401, "token-invalid", "Credentials are needed",
                           "for a subscription in the URL");
        if (!problem && subscribes)
            problem = check_subscription(hub_, request.principal, list, params);
        if (problem) {
            hub_.metrics().refused(problem->slug);
            auto response = problem_response(*problem, request.path);
            if (problem->status == 426)
                response.headers.emplace_back("Sec-WebSocket-Version", "13");
            return response;
        }
        return accept(request, subscribes ? std::optional(std::move(params)) : std::nullopt);
    }

private:
    Response accept(const Request& request, std::optional<StreamParams> params) {
        Response response;
        response.status = 101;
        response.headers = {
            {"Upgrade", "websocket"},
            {"Connection", "Upgrade"},
            {"Sec-WebSocket-Accept", ws::accept_key(request.header("sec-websocket-key"))},
            {"Fogline-Position", hub_.head().text()}};
        if (!request.header("sec-websocket-protocol").empty())
            response.headers.emplace_back("Sec-WebSocket-Protocol", kProtocol);
        auto hold = std::make_shared<StreamHold>();
        hold->hub = &hub_;
        StreamParams defaults = params.value_or(StreamParams{});
        defaults.channels.clear();
        hold->make = [&hub = hub_, defaults](std::unique_ptr<HeldConnection> connection,
                                             const Request& asked) {
            Client::Setup setup;
            setup.wire = &kWire;
            setup.remote = asked.remote;
            setup.principal = asked.principal;
            setup.defaults = defaults;
            setup.listener = std::make_unique<WsTalk>(hub, !asked.principal.known());
            return std::make_unique<Client>(hub, std::move(setup), std::move(connection));
        };
        hold->params = std::move(params);
        response.hold = std::move(hold);
        return response;
    }
    Hub& hub_;
};

std::unique_ptr<Transport> make_websocket(Hub& hub) {
    return std::make_unique<WebSocketTransport>(hub);
}

}  // namespace

extern const TransportInfo websocket_transport{
    "websocket", "WebSocket, sub-protocol fogline.v1.json", R"({"type":"object","properties":{}})",
    make_websocket};

}  // namespace fog
