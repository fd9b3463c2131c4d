#include "firmware/mqtt/websocket.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "firmware/http/ws_handshake.hpp"

namespace fog::mqtt {

namespace {

constexpr std::string_view kProtocol = "mqtt";

std::size_t bytes_of(std::span<const iovec> parts) {
    std::size_t bytes = 0;
    for (const iovec& part : parts) bytes += part.iov_len;
    return bytes;
}

}  // namespace

WebSocketConnection::WebSocketConnection(std::unique_ptr<HeldConnection> below)
    : below_(std::move(below)) {}

WebSocketConnection::~WebSocketConnection() {
    if (gone_ != nullptr) *gone_ = true;
}

void WebSocketConnection::own(HeldConnection::Owner* owner) {
    owner_ = owner;
    below_->own(owner != nullptr ? this : nullptr);
}

// --- out

/// The header and what of the frame's payload is there, from byte `from` of `parts`.
std::size_t WebSocketConnection::gather(std::span<const iovec> parts, std::size_t from,
                                        std::span<iovec> out) const {
    std::size_t used = 0;
    if (!head_.empty()) out[used++] = {const_cast<char*>(head_.data()), head_.size()};
    std::size_t room = left_;
    for (const iovec& part : parts) {
        if (used == out.size() || room == 0) break;
        if (from >= part.iov_len) {
            from -= part.iov_len;
            continue;
        }
        const auto count = std::min(room, part.iov_len - from);
        out[used++] = {static_cast<char*>(part.iov_base) + from, count};
        room -= count;
        from = 0;
    }
    return used;
}

HeldConnection::Written WebSocketConnection::write(std::span<const iovec> parts) {
    std::array<iovec, 16> piece{};
    const auto total = bytes_of(parts);
    Written done;
    for (;;) {
        if (left_ == 0 && head_.empty()) {
            head_ = std::exchange(control_, {});
            left_ = ended_ ? 0 : total - done.bytes;
            if (left_ != 0) ws::append_header(head_, ws::Opcode::binary, left_);
        }
        const auto count = gather(parts, done.bytes, piece);
        if (count == 0) return done;
        const auto written = below_->write(std::span(piece).first(count));
        const auto of_head = std::min(written.bytes, head_.size());
        head_.erase(0, of_head);
        if (head_.empty()) head_ = {};
        done.bytes += written.bytes - of_head;
        left_ -= written.bytes - of_head;
        done.state = written.state;
        if (written.state != State::open) return done;
    }
}

void WebSocketConnection::finish() {
    if (!std::exchange(ended_, true)) control_ += ws::close_frame(ws::kNormal, {});
    write({});
    finish_below();
}

/// Once the Close frame is out. In the middle of a frame it never will be: there is no word to say.
void WebSocketConnection::finish_below() {
    if (left_ == 0 && !(head_.empty() && control_.empty())) return;  // on_writable() goes on
    if (!std::exchange(finished_, true)) below_->finish();
}

void WebSocketConnection::on_writable() {
    const auto state = write({}).state;
    if (ended_) finish_below();
    if (state == State::open && owner_ != nullptr) owner_->on_writable();
}

// --- in

void WebSocketConnection::end(std::uint16_t code, std::string_view words, std::string_view reason) {
    if (!std::exchange(ended_, true)) {
        control_ = ws::close_frame(code, words);
        write({});
        finish_below();
    }
    owner_->on_closed(reason);
}

/// False: nothing more is to be read.
bool WebSocketConnection::take(ws::Decoder::Event event) {
    using Kind = ws::Decoder::Kind;
    switch (event.kind) {
        case Kind::binary:
            owner_->on_input(std::as_bytes(std::span(event.data.data(), event.data.size())));
            return true;
        case Kind::ping:
            if (ended_) return true;  // what waits is our Close
            control_.clear();         // the newest counts (RFC 6455 5.5.3)
            ws::append_frame(control_, ws::Opcode::pong, event.data);
            write({});
            return true;
        case Kind::pong:
            return true;
        case Kind::close:
            end(event.code == 1005 ? ws::kNormal : event.code, {}, "client");
            return false;
        case Kind::fault:
            end(event.code, event.data,
                event.code == ws::kUnsupported ? "ws-text-frame" : "ws-frame");
            return false;
        case Kind::more:
        case Kind::text:  // a stream has none
            break;
    }
    return false;
}

void WebSocketConnection::on_input(std::span<const std::byte> bytes) {
    bool gone = false;
    gone_ = &gone;
    while (owner_ != nullptr) {
        auto event = decoder_.next(bytes);
        if (event.kind == ws::Decoder::Kind::more) break;
        const bool on = take(std::move(event));
        if (gone) return;
        if (!on) break;
    }
    gone_ = nullptr;
}

void WebSocketConnection::on_closed(std::string_view reason) {
    if (owner_ != nullptr) owner_->on_closed(reason);
}

// --- the way in

namespace {

struct MqttHold final : ConnectionHold {
    explicit MqttHold(Broker& to) : broker(to) {}
    void take(std::unique_ptr<HeldConnection> connection, const Request& request) override {
        broker.accept(std::make_unique<WebSocketConnection>(std::move(connection)), request.remote,
                      Transport::websocket);
    }
    Broker& broker;
};

std::optional<Problem> check(const Broker& broker, const Request& request) {
    Problem problem;
    if (!broker.parts().authenticator.claimed() && !request.loopback) {
        problem = {403, "unclaimed", "The box has not been claimed yet", {}, {}, {}, {}, {}, {}};
        problem.hint = "Open / in a browser, or run: fogctl claim set";
        return problem;
    }
    if (!broker.ready()) {
        problem = {503, "busy", "The log is still being opened", {}, {}, {}, {}, {}, 2};
        return problem;
    }
    if (broker.banned(request.remote)) {
        problem = {429, "rate-exceeded", "Too many failed logins", {}, {}, {}, {}, {}, 60};
        problem.detail = "this address is not served for a minute";
        return problem;
    }
    return ws::check_handshake(request, kProtocol, ws::Protocol::required);
}

}  // namespace

void add_websocket_route(Router& router, Broker& broker) {
    Route route;
    route.pattern = "/mqtt";
    route.open = true;  // the CONNECT packet says who it is
    route.before_claim = true;
    route.run_on = RunOn::io;
    route.handler = [&broker](const Request& request, const Responder& respond) {
        if (const auto problem = check(broker, request)) {
            broker.stats().refused("websocket-" + problem->slug);
            return respond(ws::refuse_handshake(*problem, request));
        }
        auto response = ws::accept_handshake(request, kProtocol);
        response.hold = std::make_shared<MqttHold>(broker);
        respond(std::move(response));
    };
    router.add(std::move(route));
}

}  // namespace fog::mqtt
