#pragma once

#include <memory>

#include "drivers/sim_device.hpp"
#include "sim/links/byte_faults.hpp"
#include "sim/links/carrier.hpp"
#include "sim/links/pty_port.hpp"
#include "sim/world/random.hpp"

namespace fog::sim {

/// One device on a pty of its own. What it says is the SimDevice's business; when and how fast the
/// bytes travel, and whether the cable is in, is this class's.
class SerialCarrier final : public Carrier {
public:
    struct Options {
        std::filesystem::path link;  // <run dir>/by-id/<device>
        unsigned baud = 115'200;     // 0 = no pacing
        std::uint64_t seed = 1;
    };
    SerialCarrier(Options options, Endpoint endpoint, std::unique_ptr<SimDevice> device,
                  Ledger& ledger);

    Result<void> start(MonoTime now) override;
    void take(const Report& report, WallTime source, MonoTime now) override;
    void step(MonoTime now) override;
    void release(MonoTime now) override;
    std::optional<MonoTime> next_step() const override;
    void watch(std::vector<pollfd>& fds) const override;
    void fault(const FaultSpec& fault, bool begins, MonoTime now) override;
    std::string_view state() const override;
    bool settled() const override { return port_.queued() == 0 && cable_.idle(); }
    void stop() override { port_.unplug(); }
    std::size_t waiting() const override { return 0; }

private:
    void queue(std::span<const std::byte> bytes, MonoTime now);
    void make_noise(MonoTime now);
    void unplug(bool out, MonoTime now);

    Options options_;
    Endpoint endpoint_;
    std::unique_ptr<SimDevice> device_;
    Ledger& ledger_;
    PtyPort port_;
    ByteFaults cable_;
    RandomStream noise_;
    std::uint64_t noise_drawn_ = 0;
    MonoTime tick_at_{}, noise_at_{};
    unsigned noisy_ = 0;  // faults that make noise
    unsigned unplugged_ = 0;
};

}  // namespace fog::sim
