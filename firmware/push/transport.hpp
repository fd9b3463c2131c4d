#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "firmware/core/position.hpp"
#include "firmware/http/message.hpp"
#include "firmware/push/frame.hpp"
#include "firmware/push/params.hpp"

namespace fog {

class Hub;
class Client;

/// How one transport writes what the hub has to say. Stateless, one object per transport.
/// Thread: fog-io.
class Wire {
public:
    virtual ~Wire() = default;
    virtual std::string_view name() const = 0;  // label of metrics
    /// Adds one record: `n` = how many values it stands for, `pos` absent = sent ahead of its turn.
    virtual void record(const Frame& frame, std::uint32_t n, std::optional<Position> pos,
                        bool names, Gather& out) const = 0;
    /// One control envelope; `id` only where a client may resume from it.
    virtual std::string control(std::string_view kind, std::string_view json,
                                std::optional<Position> id, bool names) const = 0;
    /// Keep-alive that is no event; `pos` given: the client's position moved without events.
    virtual std::string tick(std::optional<Position> pos, std::size_t pad) const = 0;
    /// Says when to come back, where the transport has a word for it; may be empty.
    virtual std::string retry(std::size_t milliseconds) const = 0;
    /// Last bytes before the connection ends; may be empty.
    virtual std::string farewell(std::uint16_t code, std::string_view reason) const = 0;
};

/// What a transport hears from its client. One per client that can talk. Thread: fog-io.
class Listener {
public:
    virtual ~Listener() = default;
    virtual void heard(Client& client, std::span<const std::byte> bytes) = 0;
    /// Called about once a second: deadlines of its own.
    virtual void tick(Client& client, MonoTime now) = 0;
};

/// Turns a request for the stream resource into a response with a hold.
/// Thread: fog-io. One object per process and transport.
class Transport {
public:
    virtual ~Transport() = default;
    virtual StreamForm form() const = 0;
    /// `params`: list of the query or body, unchecked (may be empty for WebSocket).
    virtual Response open(const Request& request, const ParamList& params) = 0;
};

struct TransportInfo {
    std::string_view name;  // equals the folder name
    std::string_view summary;
    std::string_view schema;  // of its parameters, JSON schema
    std::unique_ptr<Transport> (*make)(Hub& hub) = nullptr;
};
/// Generated from the folders under transports/.
std::span<const TransportInfo* const> all_transports();

}  // namespace fog
