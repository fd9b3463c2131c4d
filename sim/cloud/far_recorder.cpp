#include "sim/cloud/far_recorder.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t kOtherKept = 200;  // bytes of a payload that is no record

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

Result<FarRecorder> FarRecorder::open(const std::filesystem::path& file, std::string sink) {
    Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!fd) return Error{Errc::storage_error, file.string() + ": " + errno_text(errno), {}};
    return FarRecorder(std::move(fd), std::move(sink));
}

FarRecorder::FarRecorder(FarRecorder&& other) noexcept
    : fd_(std::move(other.fd_)), lines_(std::move(other.lines_)) {}

void FarRecorder::take(std::string_view topic, std::string_view payload) {
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch() / 1ns;
    buffer_.clear();
    const auto records = lines_.append(buffer_, payload, now);
    if (records) {
        records_ += *records;
    } else {
        buffer_ += "{\"k\":\"other\",\"topic\":";
        append_json_string(buffer_, topic);
        buffer_ += ",\"why\":";
        append_json_string(buffer_, records.error().what);
        buffer_ += ",\"payload\":";
        append_json_string(buffer_, payload.substr(0, kOtherKept));
        buffer_ += "}\n";
        ++others_;
    }
    if (!write_all(fd_.get(), buffer_)) ++failed_;
}

FarMqtt::FarMqtt(FarMqttOptions options, FarRecorder& recorder)
    : options_(std::move(options)),
      recorder_(recorder),
      nudges_("sim-far", 16, Overflow::drop_oldest) {}

void FarMqtt::stop() {
    stopping_ = true;
    [[maybe_unused]] const bool taken = nudges_.push(0);
}

Result<void> FarMqtt::once(MqttClient& client) {
    lost_ = false;
    if (auto connected = client.connect(3s); !connected) return std::move(connected).error();
    if (auto granted = client.subscribe(options_.topics, 1, 3s); !granted) return granted;
    subscribed_ = true;
    while (!stopping_ && !lost_) (void)nudges_.pop(500ms);
    subscribed_ = false;
    return {};
}

Result<void> FarMqtt::run() {
    MqttOptions mqtt;
    mqtt.url = options_.url;
    mqtt.client_id = options_.client_id;
    mqtt.user = options_.user;
    mqtt.password = options_.password;
    mqtt.clean_session = false;
    MqttClient client(mqtt, {.message =
                                 [this](const MqttClient::Message& message) {
                                     recorder_.take(message.topic, as_text(message.payload));
                                 },
                             .lost =
                                 [this](const std::string&) {
                                     lost_ = true;
                                     [[maybe_unused]] const bool taken = nudges_.push(0);
                                 },
                             .delivered = {}});
    std::chrono::nanoseconds pause = 200ms;
    while (!stopping_) {
        const auto done = once(client);
        if (stopping_) break;
        if (done) {
            pause = 200ms;
            log_notice("far", "connection lost, connecting again");
        } else if (done.error().code == Errc::bad_config || done.error().code == Errc::denied) {
            return done;
        }
        (void)nudges_.pop(pause);
        pause = std::min<std::chrono::nanoseconds>(pause * 2, 5s);
    }
    client.disconnect(500ms);
    return {};
}

}  // namespace fog::sim
