#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "drivers/codec.hpp"
#include "drivers/poller.hpp"
#include "firmware/core/node.hpp"

namespace fog {

/// Where a driver's readings go. Threads: any driver thread. Blocks: while the ingest queue is full
/// (the source waits; nothing is lost), at most until `stop`.
class Sinks {
public:
    virtual ~Sinks() = default;
    /// `link` names the port or source in people's terms. `durable`: return after the commit.
    /// False: refused (shutting down, or never possible: too large); the caller must not
    /// acknowledge.
    virtual bool readings(std::string_view link, std::span<const Reading> readings,
                          bool durable) = 0;
    /// A raw MQTT message, decoded by the dialects on fog-pipe.
    virtual bool message(std::string_view source, std::string_view topic,
                         std::span<const std::byte> payload, bool retained, bool duplicate,
                         bool durable) = 0;
    /// Bytes nobody could decode, for the discovery list.
    virtual void raw(std::string_view link, std::span<const std::byte> bytes,
                     std::string_view why) = 0;
    /// State of a link for people: "open", "waiting: no such device", "connected".
    virtual void link_state(std::string_view link, bool up, std::string_view words) = 0;
};

struct Health {
    bool up = false;
    std::string words;
    CodecStats stats;
    std::uint64_t reconnects = 0;
};

/// A device class that fits neither codec nor poller; start never fails because a device is
/// missing.
class Driver {
public:
    virtual ~Driver() = default;
    virtual Result<void> start(Sinks& sinks) = 0;
    virtual void stop() = 0;  // at most 500 ms
    virtual Health health() const = 0;
};

/// What a driver folder declares; exactly one of the three makers is set.
struct DriverInfo {
    std::string_view name;     // equals the folder name; `type` in ports.d, section in the config
    std::string_view summary;  // one line for --list and the web UI
    std::string_view schema;   // JSON schema: validates config, draws the form
    std::unique_ptr<Codec> (*make_codec)(ConfigView& config) = nullptr;
    std::unique_ptr<Poller> (*make_poller)(ConfigView& config) = nullptr;
    std::unique_ptr<Driver> (*make_driver)(ConfigView& config) = nullptr;
};

/// Every driver built in, by name. The table is generated from the folders.
std::span<const DriverInfo* const> all_drivers();

}  // namespace fog
