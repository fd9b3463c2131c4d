#include "firmware/push/transport.hpp"

#include <memory>
#include <utility>

#include "firmware/push/open.hpp"

namespace fog {

namespace {

class SseWire final : public Wire {
public:
    std::string_view name() const override { return "sse"; }

    void record(const Frame& frame, std::uint32_t n, std::optional<Position> pos, bool names,
                Gather& out) const override {
        if (n == 1 && pos && *pos == frame.position()) return out.add(frame.sse(names));
        if (names) {
            out.add("event: ");
            out.add(frame.kind_text());
            out.add("\ndata: ");
        } else {
            out.add("data: ");
        }
        out.add(frame.open_envelope());
        std::string end;
        if (n != 1) end = ",\"n\":" + std::to_string(n);
        end += "}\n";
        if (pos) end += "id: " + pos->text() + "\n";
        end += '\n';
        out.add_private(end);
    }

    std::string control(std::string_view kind, std::string_view json, std::optional<Position> id,
                        bool names) const override {
        std::string out;
        if (names) out.append("event: ").append(kind).append("\n");
        out.append("data: ").append(json).append("\n");
        if (id) out += "id: " + id->text() + "\n";
        out += '\n';
        return out;
    }

    std::string tick(std::optional<Position> pos, std::size_t pad) const override {
        std::string out = ":";
        out.append(pad, ' ');
        out += '\n';
        if (pos) out += "id: " + pos->text() + "\n";
        out += '\n';
        return out;
    }

    std::string retry(std::size_t milliseconds) const override {
        return "retry: " + std::to_string(milliseconds) + "\n\n";
    }

    std::string farewell(std::uint16_t, std::string_view) const override { return {}; }
};

const SseWire kWire;

class SseTransport final : public Transport {
public:
    explicit SseTransport(Hub& hub) : hub_(hub) {}
    StreamForm form() const override { return StreamForm::sse; }

    Response open(const Request& request, const ParamList& list) override {
        StreamParams params;
        if (const auto problem = check_subscription(hub_, request.principal, list, params)) {
            hub_.metrics().refused(problem->slug);
            return problem_response(*problem, request.path);
        }
        apply_last_event_id(request.header("last-event-id"), params);
        Response response;
        response.content_type = "text/event-stream";
        response.headers = {{"Cache-Control", "no-store, no-transform"},
                            {"X-Accel-Buffering", "no"},
                            {"Vary", "Accept"},
                            {"Fogline-Position", start_of(params).text()}};
        auto hold = std::make_shared<StreamHold>();
        hold->hub = &hub_;
        StreamParams defaults = params;
        defaults.channels.clear();
        hold->make = [&hub = hub_, defaults](std::unique_ptr<HeldConnection> connection,
                                             const Request& asked) {
            Client::Setup setup;
            setup.wire = &kWire;
            setup.remote = asked.remote;
            setup.principal = asked.principal;
            setup.defaults = defaults;
            auto client = std::make_unique<Client>(hub, std::move(setup), std::move(connection));
            std::string opening = "retry: 2000\n";
            if (defaults.pad != 0) opening += ":" + std::string(defaults.pad, ' ') + "\n";
            client->say(std::move(opening), PushClass::alarm);
            return client;
        };
        hold->params = std::move(params);
        response.hold = std::move(hold);
        return response;
    }

private:
    Position start_of(const StreamParams& params) const {
        const bool known = params.since.kind == Since::Kind::position &&
                           params.since.position.epoch == hub_.head().epoch;
        return known ? params.since.position : hub_.head();
    }
    Hub& hub_;
};

std::unique_ptr<Transport> make_sse(Hub& hub) {
    return std::make_unique<SseTransport>(hub);
}

}  // namespace

extern const TransportInfo sse_transport{"sse", "Server-Sent Events: EventSource, curl -N",
                                         R"({"type":"object","properties":{}})", make_sse};

}  // namespace fog
