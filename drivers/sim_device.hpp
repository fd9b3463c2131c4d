#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/core/reading.hpp"

namespace fog {

struct SimPoint {
    std::string name;
    Value value;
    std::string unit;
};

/// The far end of a driver, for fogsim: speaks the wire in bytes, shares no table with the decoder.
/// Pure like a codec; one instance is one device.
class SimDevice {
public:
    virtual ~SimDevice() = default;
    /// The bytes that report these values; `id` numbers the reading where the wire has room for it,
    /// `now` is the device's own clock.
    virtual Bytes report(std::uint64_t id, std::span<const SimPoint> points, MonoTime now) = 0;
    /// Bytes from the gateway.
    virtual void feed(std::span<const std::byte> bytes) = 0;
    /// Bytes due without a report (handshake, resends); called at least every 50 ms.
    virtual Bytes tick(MonoTime now) = 0;
    /// Ids known to be acknowledged since the last call (empty where the wire has none).
    virtual std::vector<std::uint64_t> take_acknowledged() { return {}; }
};

struct SimDeviceInfo {
    std::string_view name;         // of the driver folder
    std::string_view personality;  // "serial.line", "mcu.frame"
    std::unique_ptr<SimDevice> (*make)(std::string_view device_id, ConfigView& config) = nullptr;
};

/// Every simulated device built in. The table is generated from the folders.
std::span<const SimDeviceInfo* const> all_sim_devices();

}  // namespace fog
