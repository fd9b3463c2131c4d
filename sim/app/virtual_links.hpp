#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "drivers/codec.hpp"
#include "drivers/sim_device.hpp"
#include "sim/app/virtual_gateway.hpp"
#include "sim/links/byte_faults.hpp"
#include "sim/links/carrier.hpp"
#include "sim/links/mqtt_carrier.hpp"

namespace fog::sim {

/// `link-<device>.bin`: the bytes of one link, in both directions as they left. Thread: one.
class LinkBytes {
public:
    explicit LinkBytes(std::filesystem::path file) : file_(std::move(file)) {}
    ~LinkBytes() { flush(); }
    LinkBytes(const LinkBytes&) = delete;
    LinkBytes& operator=(const LinkBytes&) = delete;
    void add(std::span<const std::byte> bytes);
    void add(std::string_view text) { add(as_bytes(text)); }
    bool flush();

private:
    std::filesystem::path file_;  // opened only to append: there may be thousands of links
    std::string buffer_;
    bool begun_ = false;
};

/// A token names its device: place << kDeviceShift | number.
inline constexpr unsigned kDeviceShift = 44;

/// What links need of a run.
struct VirtualSite {
    VirtualGateway& gateway;
    Ledger& ledger;
    const Clock& clock;
    std::uint64_t seed = 1;
};

/// One device's way into the gateway, without wires: what the device says is what its real link
/// carries. Thread: one; never blocks.
class VirtualLink {
public:
    VirtualLink(std::size_t place, Endpoint endpoint, std::filesystem::path file)
        : endpoint_(std::move(endpoint)),
          bytes_(std::move(file)),
          token_(static_cast<std::uint64_t>(place) << kDeviceShift) {}
    virtual ~VirtualLink() = default;
    VirtualLink(const VirtualLink&) = delete;
    VirtualLink& operator=(const VirtualLink&) = delete;

    virtual void take(Report&& report, WallTime source) = 0;
    virtual void fault(const FaultSpec& fault, bool begins) = 0;
    /// Whether it ever needs step(); asked once.
    virtual bool has_timers() const = 0;
    /// What is due by now.
    virtual void step() = 0;
    virtual MonoTime next() const = 0;
    /// The gateway has `token` on flash.
    virtual void committed(std::uint64_t token) = 0;
    virtual std::size_t waiting() const = 0;
    const Endpoint& endpoint() const { return endpoint_; }
    const LinkCounts& counts() const { return counts_; }
    bool flush() { return bytes_.flush(); }

protected:
    std::uint64_t new_token() { return ++token_; }
    std::uint64_t last_token() const { return token_; }

    Endpoint endpoint_;
    LinkBytes bytes_;
    LinkCounts counts_;

private:
    std::uint64_t token_;
};

/// A link for each device of the scenario. Errc::bad_config names a personality that has none.
Result<std::vector<std::unique_ptr<VirtualLink>>> make_virtual_links(
    const Scenario& scenario, const std::filesystem::path& out, const VirtualSite& site);

}  // namespace fog::sim
