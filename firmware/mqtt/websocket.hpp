#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "firmware/http/held.hpp"
#include "firmware/http/router.hpp"
#include "firmware/http/ws_frame.hpp"
#include "firmware/mqtt/broker.hpp"

namespace fog::mqtt {

/// MQTT in the binary frames of a WebSocket (MQTT 5.0, 6): packets may share frames and span them;
/// each write is one frame. Like the connection below it has no buffers but for the header of a
/// frame that is under way. Thread: fog-io. Blocks: never.
class WebSocketConnection final : public HeldConnection, private HeldConnection::Owner {
public:
    explicit WebSocketConnection(std::unique_ptr<HeldConnection> below);
    ~WebSocketConnection() override;

    // HeldConnection
    void own(HeldConnection::Owner* owner) override;
    /// What was not taken must come first in the next one: its frame is announced.
    Written write(std::span<const iovec> parts) override;
    void read(bool on) override { below_->read(on); }
    void finish() override;
    std::optional<std::string> certificate_name() const override {
        return below_->certificate_name();
    }

private:
    void on_writable() override;
    void on_input(std::span<const std::byte> bytes) override;
    void on_closed(std::string_view reason) override;

    bool take(ws::Decoder::Event event);
    void end(std::uint16_t code, std::string_view words, std::string_view reason);
    void finish_below();
    std::size_t gather(std::span<const iovec> parts, std::size_t from, std::span<iovec> out) const;

    std::unique_ptr<HeldConnection> below_;
    HeldConnection::Owner* owner_ = nullptr;
    ws::Decoder decoder_ = ws::Decoder::of_stream();
    std::string control_;    // a pong or close that waits for the end of a frame
    std::string head_;       // of the frame under way, and control frames before it: not yet taken
    std::size_t left_ = 0;   // payload of that frame still to be written
    bool* gone_ = nullptr;   // set when this is destroyed while it calls its owner
    bool ended_ = false;     // our Close is written, or waits
    bool finished_ = false;  // and below too
};

/// `GET /mqtt` of the web port: the handshake, then the connection is the broker's. Refuses what
/// offers no sub-protocol `mqtt` (400), who failed to log in too often (429), and anybody from
/// outside before the claim (403).
void add_websocket_route(Router& router, Broker& broker);

}  // namespace fog::mqtt
