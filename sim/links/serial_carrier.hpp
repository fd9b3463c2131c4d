#pragma once

#include <memory>

#include "drivers/sim_device.hpp"
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
    void fault(FaultKind kind, bool begins, MonoTime now) override;
    bool settled() const override { return port_.queued() == 0; }
    void stop() override { port_.unplug(); }
    std::size_t waiting() const override { return 0; }

private:
    void queue(std::span<const std::byte> bytes, MonoTime now);
    void make_noise(MonoTime now);

    Options options_;
    Endpoint endpoint_;
    std::unique_ptr<SimDevice> device_;
    Ledger& ledger_;
    PtyPort port_;
    RandomStream noise_;
    std::uint64_t noise_drawn_ = 0;
    MonoTime tick_at_{}, noise_at_{};
    bool noisy_ = false;
    bool unplugged_ = false;
};

}  // namespace fog::sim
