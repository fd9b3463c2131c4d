#include "sim/links/serial_carrier.hpp"

#include <algorithm>

#include "firmware/io/logging.hpp"

namespace fog::sim {
namespace {

constexpr std::chrono::milliseconds kTick{50};
constexpr std::chrono::milliseconds kNoiseEvery{200};

}  // namespace

SerialCarrier::SerialCarrier(Options options, Endpoint endpoint, std::unique_ptr<SimDevice> device,
                             Ledger& ledger)
    : options_(std::move(options)),
      endpoint_(std::move(endpoint)),
      device_(std::move(device)),
      ledger_(ledger),
      port_(options_.link, options_.baud),
      cable_(options_.seed, endpoint_.id),
      noise_(options_.seed, endpoint_.id, "garbage") {}

Result<void> SerialCarrier::start(MonoTime now) {
    tick_at_ = now;
    if (auto plugged = port_.plug(); !plugged) return std::move(plugged.error()).in(endpoint_.id);
    return {};
}

void SerialCarrier::queue(std::span<const std::byte> bytes, MonoTime now) {
    for (const FaultKind kind : cable_.take(bytes, now)) {
        ledger_.link(endpoint_.id, to_text(kind), "struck a frame", now);
    }
}

void SerialCarrier::take(const Report& report, WallTime source, MonoTime now) {
    // A device that waits for acknowledgements keeps readings itself; one that just talks has
    // nobody to talk to without a cable.
    const bool keeps = endpoint_.level != "C";
    if (unplugged_ > 0 && !keeps) {
        ledger_.unsent(report.id, endpoint_.id, "unplugged", now);
        ++counts_.unsent;
        return;
    }
    const bool heard = keeps || port_.heard();
    std::vector<SimPoint> points;
    points.reserve(report.points.size());
    for (const PointValue& point : report.points) {
        points.push_back({point.name, point.value, point.unit});
    }
    ledger_.sent(report, endpoint_.view(), source, now, heard);
    ++counts_.sent;
    if (!heard) ++counts_.unheard;
    queue(device_->report(report.id, points, now), now);
}

void SerialCarrier::step(MonoTime now) {
    if (const Bytes heard = port_.receive(); !heard.empty()) {
        device_->feed(heard);
        tick_at_ = now;  // an answer need not wait for the next tick
    }
    if (now >= tick_at_) {
        queue(device_->tick(now), now);
        tick_at_ = now + kTick;
    }
    for (const std::uint64_t id : device_->take_acknowledged()) {
        ledger_.acked(id, now);
        ++counts_.acked;
    }
    if (noisy_ > 0 && now >= noise_at_) make_noise(now);
}

void SerialCarrier::make_noise(MonoTime now) {
    Bytes bytes(1 + noise_.bits(noise_drawn_++) % 32);
    for (std::byte& one : bytes) one = static_cast<std::byte>(noise_.bits(noise_drawn_++));
    // Noise comes from the cable itself.
    if (!port_.send(bytes, now)) ledger_.link(endpoint_.id, "overrun", "noise", now);
    noise_at_ = now + kNoiseEvery;
}

void SerialCarrier::release(MonoTime now) {
    while (const auto piece = cable_.release(now)) {
        if (port_.send(*piece, now)) continue;
        ledger_.link(endpoint_.id, "overrun", "the line is slower than the device", now);
    }
    port_.pump(now);
}

std::optional<MonoTime> SerialCarrier::next_step() const {
    MonoTime next = std::min(tick_at_, port_.next_pump());
    if (noisy_ > 0) next = std::min(next, noise_at_);
    return std::min(next, cable_.next().value_or(next));
}

void SerialCarrier::watch(std::vector<pollfd>& fds) const {
    // An unopened pty reports POLLHUP for ever, which would turn the engine's poll() into a loop;
    // its tick looks often enough.
    if (port_.heard()) fds.push_back({port_.fd(), POLLIN, 0});
}

std::string_view SerialCarrier::state() const {
    if (unplugged_ > 0) return "unplugged";
    return port_.heard() ? "heard" : "unheard";
}

void SerialCarrier::unplug(bool out, MonoTime now) {
    if (out) {
        port_.unplug();
        cable_.clear();
    } else if (auto plugged = port_.plug(); !plugged) {
        log_error("sim", endpoint_.id + ": " + plugged.error().what);
    }
    ledger_.link(endpoint_.id, out ? "unplugged" : "plugged", {}, now);
}

void SerialCarrier::fault(const FaultSpec& fault, bool begins, MonoTime now) {
    if (fault.kind == FaultKind::unplug) {
        unplugged_ += begins ? 1 : -1;
        const bool changed = begins ? unplugged_ == 1 : unplugged_ == 0;
        if (changed) unplug(begins, now);
    } else if (fault.kind == FaultKind::garbage) {
        noisy_ += begins ? 1 : -1;
        noise_at_ = now;
    } else {
        cable_.set(fault, begins, now);
    }
}

}  // namespace fog::sim
