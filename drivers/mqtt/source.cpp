#include "drivers/mqtt/source.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/mqtt/dialects/topics.hpp"
#include "firmware/core/crc32c.hpp"
#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectTimeout = 10s;
constexpr auto kSubscribeTimeout = 10s;
/// A session this long was a good one: the next attempt comes soon again.
constexpr auto kGoodSession = 10s;

/// Tells boxes apart at the broker and stays the same over restarts.
std::string machine_text() {
    if (const auto id = read_file("/etc/machine-id", 64)) return std::string(trim(*id));
    std::array<char, 128> host{};
    ::gethostname(host.data(), host.size() - 1);
    return host.data();
}

std::string stable_client_id(std::string_view name) {
    const std::uint32_t machine = crc32c(as_bytes(machine_text()));
    const std::array<std::byte, 4> bytes = {std::byte(machine >> 24U), std::byte(machine >> 16U),
                                            std::byte(machine >> 8U), std::byte(machine)};
    return "fogline-" + std::string(name) + "-" + hex(bytes);
}

std::string host_of(std::string_view url) {
    const auto start = url.find("://");
    if (start != std::string_view::npos) url.remove_prefix(start + 3);
    return device_slug(url.substr(0, url.find_last_of(':')));
}

void check_filters(MqttSourceOptions& options, ConfigView& config) {
    const Limits limits;
    for (const auto& filter : options.filters)
        if (auto ok = check_topic_filter(filter, limits.topic_bytes, limits.topic_levels); !ok)
            config.fault("topics", "E0311", "'" + filter + "': " + ok.error().what);
    if (options.filters.empty()) options.filters = {"#"};
}

}  // namespace

MqttSourceOptions read_mqtt_source(ConfigView& config) {
    MqttSourceOptions out;
    out.client = read_mqtt_options(config);
    out.name = config.text("id");
    if (out.name.empty()) out.name = host_of(out.client.url);
    if (out.client.client_id.empty()) out.client.client_id = stable_client_id(out.name);
    out.filters = config.texts("topics");
    check_filters(out, config);
    out.qos = static_cast<int>(config.integer("qos", 1, 0, 1));
    out.durable = config.choice("level", "held", {"held", "durable"}) == "durable";
    const auto ms = [](std::chrono::nanoseconds t) {
        return std::chrono::ceil<std::chrono::milliseconds>(t);
    };
    out.retry_min = ms(config.duration("retry_min", out.retry_min));
    out.retry_max = ms(config.duration("retry_max", out.retry_max));
    if (out.retry_min < 10ms || out.retry_max < out.retry_min) {
        config.fault("retry_min", "E0312", "retry_min must be at least 10 ms and below retry_max");
        out.retry_min = 1s;
        out.retry_max = 60s;
    }
    return out;
}

std::chrono::milliseconds RetryDelay::next() {
    const auto high = std::min(most_, std::max(least_, last_ * 3));
    std::uniform_int_distribution<std::int64_t> between(least_.count(), high.count());
    last_ = std::chrono::milliseconds(between(random_));
    return last_;
}

MqttSource::MqttSource(MqttSourceOptions options)
    : options_(std::move(options)),
      link_("mqtt:" + options_.name),
      delay_(options_.retry_min, options_.retry_max, crc32c(as_bytes(options_.client.client_id))),
      wake_("mqtt source", 4, Overflow::drop_oldest) {
    words_.set("not started");
}

MqttSource::~MqttSource() {
    stop();
}

Result<void> MqttSource::start(Sinks& sinks) {
    sinks_ = &sinks;
    client_ = std::make_unique<MqttClient>(
        options_.client,
        MqttClient::Handlers{
            .message = [this](const MqttClient::Message& message) { on_message(message); },
            .lost =
                [this](const std::string& /*why*/) {
                    if (!wake_.push(Wake::lost)) return;  // closed: stopping anyway
                },
            .delivered = {}});
    thread_ = std::thread([this] { run(); });
    return {};
}

void MqttSource::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    wake_.close();
    client_->interrupt();
    thread_.join();
    client_.reset();
    say(false, "stopped");
}

Health MqttSource::health() const {
    Health out;
    out.up = up_;
    out.words = words_.get();
    out.stats.frames = messages_.get();
    out.stats.bytes = bytes_.get();
    out.stats.oversized = oversized_.get();
    out.reconnects = sessions_.get() > 0 ? sessions_.get() - 1 : 0;
    return out;
}

void MqttSource::say(bool up, const std::string& words) {
    const bool changed = up_.exchange(up) != up || words_.get() != words;
    if (!changed) return;
    words_.set(words);
    log(up || stopping_ ? LogLevel::notice : LogLevel::warning, link_, words);
    sinks_->link_state(link_, up, words);
}

void MqttSource::run() {
    ::pthread_setname_np(::pthread_self(), ("fog-drv-" + options_.name).substr(0, 15).c_str());
    while (!stopping_) {
        const auto began = std::chrono::steady_clock::now();
        const bool had_session = session();
        if (had_session && std::chrono::steady_clock::now() - began >= kGoodSession) delay_.reset();
        if (stopping_) break;
        // A stale "lost" may end the wait early; it is as good a moment as any.
        (void)wake_.pop(delay_.next());
    }
    client_->disconnect(200ms);
}

/// One connection from attempt to end; false if there was none.
bool MqttSource::session() {
    const auto fail = [this](const Error& error) {
        if (!stopping_)
            say(false, "waiting: " + error.what + (error.hint.empty() ? "" : "; " + error.hint));
        return false;
    };
    const auto present = client_->connect(kConnectTimeout);
    if (!present) return fail(present.error());
    // Also into a session that was kept: the filters may have changed since.
    if (auto done = client_->subscribe(options_.filters, options_.qos, kSubscribeTimeout); !done) {
        client_->disconnect(200ms);
        return fail(done.error());
    }
    sessions_.add();
    say(true, *present ? "connected, session resumed" : "connected");
    while (!stopping_ && client_->connected()) (void)wake_.pop(1s);
    if (!stopping_) say(false, "waiting: connection lost");
    return true;
}

/// Why a message is given up here; such messages are acknowledged, or they would come for ever.
std::string_view MqttSource::refusal(const MqttClient::Message& message) const {
    if (message.topic.size() > limits_.topic_bytes) return "the topic is longer than the limit";
    const auto slashes = std::count(message.topic.begin(), message.topic.end(), '/');
    if (static_cast<std::size_t>(slashes) + 1 > limits_.topic_levels)
        return "the topic has more levels than the limit";
    if (message.payload.size() > limits_.payload_bytes)
        return "the payload is larger than the limit";
    return {};
}

// Paho's thread. What throws here ends in MqttClient, which cuts the connection: not acknowledged.
void MqttSource::on_message(const MqttClient::Message& message) {
    messages_.add();
    bytes_.add(message.payload.size());
    if (never_ingested(message.topic)) return skipped_.add();
    if (const auto why = refusal(message); !why.empty()) {
        oversized_.add();
        const auto kept = std::min(message.payload.size(), limits_.raw_bytes);
        return sinks_->raw(link_, message.payload.first(kept), why);
    }
    if (sinks_->message(link_, message.topic, message.payload, message.retained, message.duplicate,
                        options_.durable && message.qos > 0))
        return;
    refused_.add();
    client_->sever();  // nobody took it, so no PUBACK may leave
}

}  // namespace fog
