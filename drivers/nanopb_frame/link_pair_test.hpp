#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "drivers/nanopb_frame/codec.hpp"
#include "drivers/sim_device.hpp"
#include "tests/support/collected.hpp"

namespace fog {

extern const SimDeviceInfo nanopb_frame_sim_device;

/// A simulated device and a codec, joined in memory, with a time that only moves when told.
struct LinkPair {
    explicit LinkPair(Node device_config = {}, mcu::FrameCodec::Options options = {})
        : codec(std::make_unique<mcu::FrameCodec>(options)) {
        std::vector<Fault> faults;
        ConfigView view(device_config, faults);
        device = nanopb_frame_sim_device.make("node-7", view);
    }

    /// Bytes to the gateway; what it answers goes back at once.
    void up(std::span<const std::byte> bytes) {
        codec->tell_time(now, wall());
        codec->feed(bytes, out);
        if (store) codec->committed();
        device->feed(codec->take_output());
    }
    void report(std::uint64_t id, std::vector<SimPoint> points) {
        up(device->report(id, points, now));
    }
    /// Lets time pass in steps of 50 ms.
    void pass(std::chrono::milliseconds time) {
        for (; time.count() > 0; time -= std::chrono::milliseconds{50}) {
            now += std::chrono::milliseconds{50};
            up(device->tick(now));
        }
    }
    WallTime wall() const {
        return WallTime{std::chrono::seconds{1'795'279'200}} + (now - MonoTime{});
    }

    MonoTime now{std::chrono::seconds{1000}};
    bool store = true;
    std::unique_ptr<mcu::FrameCodec> codec;
    std::unique_ptr<SimDevice> device;
    Collected out;
};

}  // namespace fog
