#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "firmware/http/ws_frame.hpp"
#include "firmware/push/client.hpp"

namespace fog {

/// What a WebSocket client says (sub-protocol fogline.v1.json): decodes frames, answers messages.
/// Thread: fog-io.
class WsTalk final : public Listener {
public:
    WsTalk(Hub& hub, bool needs_auth);
    void heard(Client& client, std::span<const std::byte> bytes) override;
    void tick(Client& client, MonoTime now) override;

private:
    struct Message;
    void event(Client& client, ws::Decoder::Event event);
    void message(Client& client, const std::string& text);
    void dispatch(Client& client, const Message& message);
    void auth(Client& client, const Message& message);
    void subscribe(Client& client, const Message& message);
    void unsubscribe(Client& client, const Message& message);
    void acknowledge(Client& client, const Message& message);
    bool too_fast(Client& client, MonoTime now);

    Hub& hub_;
    ws::Decoder decoder_;
    MonoTime opened_, last_ping_, last_pong_;
    MonoTime credit_at_, faults_since_, refusals_since_;
    float credit_;
    std::uint16_t faults_ = 0, refusals_ = 0;
    bool needs_auth_;
};

}  // namespace fog
