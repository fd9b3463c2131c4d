#pragma once

#include <atomic>
#include <chrono>

namespace fog {

/// Wall time, for people and the cloud. The epoch itself means "unknown".
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;
/// Time since the kernel booted, for order, age, timeouts and rates.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

/// The only source of time; everything else is handed times or a Clock. Any thread, never blocks.
class Clock {
public:
    virtual ~Clock() = default;
    virtual WallTime wall() const = 0;
    virtual MonoTime mono() const = 0;
    /// Whether wall() may be believed (the kernel says synchronised, or a person set it).
    virtual bool trusted() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
public:
    WallTime wall() const override {
        return std::chrono::time_point_cast<std::chrono::nanoseconds>(
            std::chrono::system_clock::now());
    }
    MonoTime mono() const override { return std::chrono::steady_clock::now(); }
    bool trusted() const override { return trusted_.load(std::memory_order_relaxed); }
    void set_trusted(bool trusted) { trusted_.store(trusted, std::memory_order_relaxed); }

private:
    std::atomic<bool> trusted_{true};
};

/// A clock that stands still until told to move: tests and the virtual simulator.
class FakeClock final : public Clock {
public:
    explicit FakeClock(WallTime wall = WallTime{std::chrono::seconds{1'795'279'200}},
                       MonoTime mono = MonoTime{std::chrono::seconds{100}})
        : wall_ns_(wall.time_since_epoch().count()), mono_ns_(mono.time_since_epoch().count()) {}

    WallTime wall() const override { return WallTime{std::chrono::nanoseconds{wall_ns_.load()}}; }
    MonoTime mono() const override { return MonoTime{std::chrono::nanoseconds{mono_ns_.load()}}; }
    bool trusted() const override { return trusted_.load(); }

    void advance(std::chrono::nanoseconds by) {
        wall_ns_ += by.count();
        mono_ns_ += by.count();
    }
    /// A step of the wall clock alone, as NTP or a person makes it.
    void step_wall(std::chrono::nanoseconds by) { wall_ns_ += by.count(); }
    void set_trusted(bool trusted) { trusted_ = trusted; }

private:
    std::atomic<std::int64_t> wall_ns_;
    std::atomic<std::int64_t> mono_ns_;
    std::atomic<bool> trusted_{true};
};

}  // namespace fog
