#include "firmware/push/transport.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "firmware/http/ws_frame.hpp"
#include "firmware/http/ws_handshake.hpp"
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

class WebSocketTransport final : public Transport {
public:
    explicit WebSocketTransport(Hub& hub) : hub_(hub) {}
    StreamForm form() const override { return StreamForm::websocket; }

    Response open(const Request& request, const ParamList& list) override {
        auto problem = ws::check_handshake(request, kProtocol, ws::Protocol::optional);
        StreamParams params;
        const bool subscribes = std::any_of(list.begin(), list.end(), [](const auto& one) {
            return one.first != "access_token" && one.first != "transport";
        });
        if (!problem && subscribes && !request.principal.known())
            problem = Problem{401,
                              "token-invalid",
                              "Credentials are needed",
                              "for a subscription in the URL",
                              {},
                              {},
                              {},
                              {},
                              {}};
        if (!problem && subscribes)
            problem = check_subscription(hub_, request.principal, list, params);
        if (problem) {
            hub_.metrics().refused(problem->slug);
            return ws::refuse_handshake(*problem, request);
        }
        return accept(request, subscribes ? std::optional(std::move(params)) : std::nullopt);
    }

private:
    Response accept(const Request& request, std::optional<StreamParams> params) {
        auto response = ws::accept_handshake(request, kProtocol);
        response.headers.emplace_back("Fogline-Position", hub_.head().text());
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
