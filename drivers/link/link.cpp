#include "drivers/link/link.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/link/port_watch.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/io/logging.hpp"

namespace fog {

namespace {

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kWaitingCommands = 16;
constexpr std::chrono::milliseconds kAfterHangUp{250};
constexpr std::chrono::milliseconds kWriteFor{500};  // then the port is taken for dead

void name_thread(const std::string& name) {
    // The kernel keeps 15 characters.
    ::pthread_setname_np(::pthread_self(), ("fog-drv-" + name).substr(0, 15).c_str());
}

}  // namespace

/// What one read decoded to; handed over together.
struct CodecLink::Batch final : Emit {
    Batch(Sinks& to, const std::string& from) : sinks(to), source(from) {}
    void reading(Reading one) override { readings.push_back(std::move(one)); }
    void raw(std::span<const std::byte> bytes, std::string_view why) override {
        sinks.raw(source, bytes.first(std::min(bytes.size(), Limits{}.raw_bytes)), why);
    }
    Sinks& sinks;
    const std::string& source;
    std::vector<Reading> readings;
};

CodecLink::CodecLink(std::string name, SerialSpec spec, std::unique_ptr<Codec> codec,
                     const Clock& clock, LinkTiming timing)
    : name_(std::move(name)),
      source_("serial:" + name_),
      spec_(std::move(spec)),
      clock_(clock),
      timing_(timing),
      codec_(std::move(codec)),
      commands_("link-" + name_, kWaitingCommands, Overflow::refuse) {
    health_.set({false, "not started", {}, 0});
}

CodecLink::~CodecLink() {
    stop();
}

Result<void> CodecLink::start(Sinks& sinks) {
    if (thread_.joinable()) return Error{Errc::conflict, "link " + name_ + " runs already", {}};
    sinks_ = &sinks;
    batch_ = std::make_unique<Batch>(sinks, source_);
    stopping_ = false;
    thread_ = std::thread([this] {
        name_thread(name_);
        run();
    });
    return {};
}

void CodecLink::stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

Health CodecLink::health() const {
    return health_.get();
}

Result<void> CodecLink::submit(Command command) {
    if (commands_.push(std::move(command))) return {};
    return Error{Errc::busy, "link " + name_ + ": too many commands are waiting", {}};
}

void CodecLink::run() {
    auto retry = timing_.retry_first;
    bool opened_before = false;
    while (!stopping_) {
        PortWatch watch(spec_.port);  // before the attempt, so that nothing is missed between
        auto port = SerialPort::open(spec_);
        if (!port) {
            say(false, "waiting: " + port.error().what);
            const bool noticed = wait_for_port(watch, retry);
            retry = noticed ? timing_.retry_first : std::min(retry * 2, timing_.retry_most);
            continue;
        }
        retry = timing_.retry_first;
        if (opened_before) ++current_.reconnects;
        codec_->reset(opened_before ? Cause::reconnected : Cause::opened);
        opened_before = true;
        say(true, "open");
        serve(std::move(*port));  // closed when it returns
        // A port that opens and hangs up at once must not make us spin.
        if (!stopping_) wait_for_port(watch, std::min(retry, kAfterHangUp));
    }
    codec_->reset(Cause::stopped);
    say(false, "stopped");
}

/// Until the port is gone or we stop.
void CodecLink::serve(SerialPort port) {
    std::array<std::byte, kReadBytes> buffer{};
    auto check_at = std::chrono::steady_clock::now() + timing_.check;
    while (!stopping_) {
        const auto got = port.read(buffer, timing_.slice);
        if (!got) return say(false, "waiting: " + got.error().what);
        codec_->tell_time(clock_.mono(), clock_.trusted() ? clock_.wall() : WallTime{});
        if (*got > 0) {
            codec_->feed(std::span(buffer).first(*got), *batch_);
            if (!hand_over()) codec_->reset(Cause::timeout);
        }
        Bytes output = codec_->take_output();
        send_commands(output);
        if (!write_all(port, output)) return;
        publish();
        if (std::chrono::steady_clock::now() < check_at) continue;
        check_at = std::chrono::steady_clock::now() + timing_.check;
        if (!port.still_there())
            return say(false, "waiting: " + spec_.port + " leads elsewhere or is gone");
    }
}

/// False: not stored, so nothing may be acknowledged.
bool CodecLink::hand_over() {
    const bool durable = codec_->acknowledges();
    bool taken = true;
    if (!batch_->readings.empty()) {
        taken = sinks_->readings(source_, batch_->readings, durable);
        batch_->readings.clear();
    }
    if (taken && durable) codec_->committed();
    return taken || !durable;
}

void CodecLink::send_commands(Bytes& output) {
    while (auto command = commands_.pop(std::chrono::nanoseconds{0})) {
        const auto bytes = codec_->encode(*command);
        if (!bytes) {
            log_warning("link", name_ + ": command not sent: " + bytes.error().what);
            continue;
        }
        output.insert(output.end(), bytes->begin(), bytes->end());
    }
}

bool CodecLink::write_all(SerialPort& port, const Bytes& output) {
    std::span<const std::byte> rest(output);
    const auto deadline = std::chrono::steady_clock::now() + kWriteFor;
    while (!rest.empty() && !stopping_) {
        const auto put = port.write(rest, timing_.slice);
        if (!put) {
            say(false, "waiting: " + put.error().what);
            return false;
        }
        rest = rest.subspan(*put);
        if (!rest.empty() && std::chrono::steady_clock::now() > deadline) {
            // Nobody reads at the far end, or flow control holds us: what is due is repeated later.
            codec_->reset(Cause::timeout);
            return true;
        }
    }
    return true;
}

/// True if something happened to the name of the port.
bool CodecLink::wait_for_port(PortWatch& watch, std::chrono::milliseconds at_most) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    while (!stopping_ && std::chrono::steady_clock::now() < deadline)
        if (watch.wait(std::min(timing_.slice, at_most))) return true;
    return false;
}

void CodecLink::say(bool up, std::string words) {
    if (current_.up == up && current_.words == words) return;
    if (up)
        log_notice("link", name_ + ": open port=" + spec_.port);
    else
        log_notice("link", name_ + ": " + words);
    current_.up = up;
    current_.words = std::move(words);
    publish();
    sinks_->link_state(source_, up, current_.words);
}

void CodecLink::publish() {
    current_.stats = codec_->stats();
    health_.set(current_);
}

}  // namespace fog
