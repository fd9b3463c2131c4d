#include "firmware/io/mqtt_client.hpp"

#include <mqtt/async_client.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/net_probe.hpp"

namespace fog {
namespace {

using namespace std::chrono_literals;
using Deadline = std::chrono::steady_clock::time_point;

Result<Endpoint> parse_mqtt_url(const MqttOptions& options) {
    const auto wrong = [&](std::string why) {
        return Error{Errc::bad_config, "url '" + options.url + "': " + std::move(why),
                     "mqtt://host:1883 or mqtts://host:8883"};
    };
    std::string_view rest = options.url;
    Endpoint to;
    to.ca_file = options.ca_file;
    to.cert_file = options.cert_file;
    to.key_file = options.key_file;
    if (rest.starts_with("mqtts://")) {
        to.tls = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("mqtt://")) {
        rest.remove_prefix(7);
    } else {
        return wrong("must begin with mqtt:// or mqtts://");
    }
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.find_first_of("/@?# ") != std::string_view::npos)
        return wrong("only a host and a port are allowed; credentials have keys of their own");
    to.port = to.tls ? 8883 : 1883;
    const auto bracket = rest.starts_with('[') ? rest.find(']') : 0;
    if (bracket == std::string_view::npos) return wrong("the bracket is not closed");
    const auto colon = rest.find(':', bracket);
    to.host = rest.substr(0, colon);
    if (bracket != 0) to.host = rest.substr(1, bracket - 1);
    if (to.host.empty()) return wrong("no host");
    if (colon == std::string_view::npos) return to;
    const auto port = parse_int(rest.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return wrong("the port is not 1..65535");
    to.port = static_cast<std::uint16_t>(*port);
    return to;
}

Result<void> check_readable(std::string_view key, const std::string& file) {
    if (file.empty() || ::access(file.c_str(), R_OK) == 0) return {};
    return Error{Errc::bad_config, std::string(key) + " " + file + " cannot be read",
                 "check the path and who may read it"};
}

/// The outcome of one call to Paho, waited for by the owner. Paho's own tokens are not waited on:
/// they cannot be interrupted, and they signal before their listener has run.
class Waiter final : public mqtt::iaction_listener {
public:
    struct Outcome {
        bool ok = false;
        int code = 0;
        bool session_present = false;
    };

    /// The context to hand to Paho; an answer to an earlier call is told apart by it.
    void* begin() {
        const std::lock_guard lock(mutex_);
        done_ = false;
        outcome_ = {};
        return reinterpret_cast<void*>(++turn_);
    }
    /// False: out of time, or `stop` was set (wake() makes it look).
    bool wait(Deadline deadline, const std::atomic<bool>& stop, Outcome& out) {
        std::unique_lock lock(mutex_);
        ready_.wait_until(lock, deadline, [&] { return done_ || stop.load(); });
        if (!done_) return false;
        out = outcome_;
        return true;
    }
    void wake() {
        const std::lock_guard lock(mutex_);
        ready_.notify_all();
    }

    void on_success(const mqtt::token& token) override {
        try {
            Outcome outcome{.ok = true};
            if (token.get_type() == mqtt::token::CONNECT)
                outcome.session_present = token.get_connect_response().is_session_present();
            finish(token, outcome);
        } catch (...) {
            finish(token, {.ok = true});
        }
    }
    void on_failure(const mqtt::token& token) override {
        finish(token, {.code = token.get_return_code()});
    }

private:
    void finish(const mqtt::token& token, const Outcome& outcome) {
        const std::lock_guard lock(mutex_);
        if (token.get_user_context() != reinterpret_cast<void*>(turn_)) return;
        outcome_ = outcome;
        done_ = true;
        ready_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::uintptr_t turn_ = 0;
    bool done_ = false;
    Outcome outcome_;
};

/// The caller's tokens of messages in flight. Paho carries a pointer, which is too narrow for them
/// on 32-bit boards, so it carries a place in this table.
class InFlight {
public:
    void* add(std::int64_t token) {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) {
            tokens_.push_back(token);
            return reinterpret_cast<void*>(tokens_.size());
        }
        const auto place = free_.back();
        free_.pop_back();
        tokens_[place - 1] = token;
        return reinterpret_cast<void*>(place);
    }
    std::int64_t take(void* context) {
        const std::lock_guard lock(mutex_);
        const auto place = reinterpret_cast<std::uintptr_t>(context);
        free_.push_back(place);
        return tokens_[place - 1];
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return tokens_.size() - free_.size();
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        tokens_.clear();
        free_.clear();
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::int64_t> tokens_;
    std::vector<std::uintptr_t> free_;
};

std::string paho_text(int code) {
    if (code == MQTTASYNC_OPERATION_INCOMPLETE || code == MQTTASYNC_DISCONNECTED)
        return "the connection was lost";
    const char* text = ::MQTTAsync_strerror(code);
    return text != nullptr && *text != '\0' ? std::string(text) : "code " + std::to_string(code);
}

/// The CONNACK codes of MQTT 3.1.1; nullopt: not an answer of a broker.
std::optional<Error> refusal(int code, const std::string& where) {
    switch (code) {
        case 1:
            return Error{Errc::refused, where + " does not speak MQTT 3.1.1", {}};
        case 2:
            return Error{Errc::denied, where + " rejects the client id", "set another client_id"};
        case 3:
            return Error{Errc::unreachable, where + " says it is not available", {}};
        case 4:
            return Error{Errc::denied, where + " refuses user name or password",
                         "check user and password"};
        case 5:
            return Error{Errc::denied, where + " says not authorised",
                         "check user, password and the broker's access list"};
    }
    return std::nullopt;
}

}  // namespace

struct MqttClient::Impl final : mqtt::callback, mqtt::iaction_listener {
    Impl(MqttOptions given, Handlers callbacks)
        : options(std::move(given)), handlers(std::move(callbacks)) {}

    MqttOptions options;
    Handlers handlers;
    Waiter waiter;
    InFlight in_flight;
    std::atomic<bool> connected{false};
    std::atomic<bool> interrupted{false};
    std::atomic<bool> dropping{false};  // what Paho reports while it is torn down concerns nobody
    Endpoint endpoint;
    std::string address;  // what the host resolved to
    std::mutex endpoint_mutex;
    std::unique_ptr<mqtt::async_client> client;  // last: dies first, its callbacks use the rest

    // --- Paho's threads
    void connection_lost(const std::string& cause) override {
        connected = false;
        try {
            if (handlers.lost)
                handlers.lost(cause.empty() ? "the broker closed the connection" : cause);
        } catch (...) {
            connected = false;  // a handler that throws loses only its own call
        }
    }
    void message_arrived(mqtt::const_message_ptr message) override {
        try {
            if (!message || !handlers.message) return;
            const auto& payload = message->get_payload();
            handlers.message({.topic = message->get_topic(),
                              .payload = std::as_bytes(std::span(payload.data(), payload.size())),
                              .qos = message->get_qos(),
                              .retained = message->is_retained(),
                              .duplicate = message->is_duplicate()});
        } catch (...) {
            sever();  // not handled, so not to be acknowledged
        }
    }
    void on_success(const mqtt::token& token) override { report(token, true, {}); }
    void on_failure(const mqtt::token& token) override {
        report(token, false, paho_text(token.get_return_code()));
    }
    void report(const mqtt::token& token, bool delivered, std::string why) {
        try {
            const auto id = in_flight.take(token.get_user_context());
            if (handlers.delivered && !dropping) handlers.delivered(id, delivered, std::move(why));
        } catch (...) {
            connected = connected.load();  // as above
        }
    }

    // --- the owner's thread
    mqtt::connect_options connect_options(std::chrono::milliseconds timeout) const {
        mqtt::connect_options out;
        out.set_mqtt_version(MQTTVERSION_3_1_1);
        out.set_clean_session(options.clean_session);
        out.set_keep_alive_interval(options.keep_alive);
        out.set_connect_timeout(std::chrono::ceil<std::chrono::seconds>(timeout));
        out.set_max_inflight(options.window);
        out.set_automatic_reconnect(false);
        if (!options.user.empty()) out.set_user_name(options.user);
        if (!options.password.empty()) out.set_password(options.password);
        if (!options.will_topic.empty())
            out.set_will(mqtt::will_options(options.will_topic, options.will_payload,
                                            options.will_qos, options.will_retain));
        if (endpoint.tls) {
            mqtt::ssl_options tls;
            if (!options.ca_file.empty()) tls.set_trust_store(options.ca_file);
            if (!options.cert_file.empty()) {
                tls.set_key_store(options.cert_file);
                tls.set_private_key(options.key_file.empty() ? options.cert_file
                                                             : options.key_file);
            }
            tls.set_enable_server_cert_auth(true);
            tls.set_verify(true);
            tls.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
            out.set_ssl(std::move(tls));
        }
        return out;
    }

    void drop() {
        connected = false;
        dropping = true;
        client.reset();
        in_flight.clear();
        dropping = false;
    }

    /// A name goes to Paho only with TLS, which checks it: Paho looks names up under its one lock.
    std::string paho_url() const {
        Endpoint to = endpoint;
        if (!to.tls) to.host = address;
        return (to.tls ? "ssl://" : "tcp://") + to_text(to);
    }

    Result<void> prepare(Deadline deadline) {
        if (interrupted) return Error{Errc::busy, "stopped", {}};
        for (const auto& [key, file] :
             {std::pair{"ca_file", &options.ca_file}, std::pair{"cert_file", &options.cert_file},
              std::pair{"key_file", &options.key_file}})
            if (auto readable = check_readable(key, *file); !readable) return readable;
        auto parsed = parse_mqtt_url(options);
        if (!parsed) return std::move(parsed).error();
        auto found = resolve_host(parsed->host, deadline, [this] { return interrupted.load(); });
        if (!found) return std::move(found).error();
        const std::lock_guard lock(endpoint_mutex);
        endpoint = *std::move(parsed);
        address = *std::move(found);
        return {};
    }

    Result<bool> connect(std::chrono::milliseconds timeout) {
        const auto deadline = std::chrono::steady_clock::now() + timeout;
        drop();
        if (auto ready = prepare(deadline); !ready) return std::move(ready).error();
        client = std::make_unique<mqtt::async_client>(paho_url(), options.client_id);
        client->set_callback(*this);
        client->connect(connect_options(timeout), waiter.begin(), waiter);
        Waiter::Outcome outcome;
        const bool answered = waiter.wait(deadline, interrupted, outcome);
        if (answered && outcome.ok) {
            connected = true;
            return outcome.session_present;
        }
        drop();
        if (interrupted) return Error{Errc::busy, "stopped", {}};
        const std::string where = to_text(endpoint);
        if (!answered) return Error{Errc::timeout, where + ": no answer", {}};
        if (auto refused = refusal(outcome.code, where)) return *std::move(refused);
        return explain_failure(endpoint, address, std::max(deadline, Deadline::clock::now() + 1s));
    }

    /// One filter a packet: what Paho C++ 1.2 makes of the granted list of 3.1.1 is not to be
    /// trusted, while the refusal of a single filter is a plain failure.
    Result<void> subscribe(const std::string& filter, int qos, Deadline deadline) {
        if (!client || !connected) return Error{Errc::unreachable, "not connected", {}};
        client->subscribe(filter, qos, waiter.begin(), waiter);
        Waiter::Outcome outcome;
        const std::string what = "subscribing to " + filter + ": ";
        if (!waiter.wait(deadline, interrupted, outcome))
            return interrupted ? Error{Errc::busy, "stopped", {}}
                               : Error{Errc::timeout, what + "no answer", {}};
        if (outcome.ok) return {};
        if (outcome.code == MQTT_BAD_SUBSCRIBE)
            return Error{Errc::denied, what + "the broker refuses",
                         "check the broker's access list"};
        return Error{Errc::unreachable, what + paho_text(outcome.code), {}};
    }

    void sever() {
        const std::lock_guard lock(endpoint_mutex);
        cut_connections(endpoint.tls ? std::string() : address, endpoint.port);
    }
};

MqttClient::MqttClient(MqttOptions options, Handlers handlers)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handlers))) {}

MqttClient::~MqttClient() = default;

Result<bool> MqttClient::connect(std::chrono::milliseconds timeout) {
    try {
        return impl_->connect(timeout);
    } catch (const mqtt::exception& e) {
        impl_->drop();
        return Error{Errc::bad_config, impl_->options.url + ": " + e.what(), {}};
    } catch (const std::exception& e) {
        impl_->drop();
        return Error{Errc::internal, impl_->options.url + ": " + e.what(), {}};
    }
}

Result<void> MqttClient::subscribe(std::span<const std::string> filters, int qos,
                                   std::chrono::milliseconds timeout) {
    try {
        const auto deadline = Deadline::clock::now() + timeout;
        for (const auto& filter : filters)
            if (auto done = impl_->subscribe(filter, qos, deadline); !done) return done;
        return {};
    } catch (const std::exception& e) {
        return Error{Errc::unreachable, std::string("subscribing failed: ") + e.what(), {}};
    }
}

Result<void> MqttClient::publish(std::int64_t token, std::string_view topic,
                                 std::string_view payload, int qos, bool retain) {
    if (!impl_->client || !impl_->connected) return Error{Errc::unreachable, "not connected", {}};
    void* const place = impl_->in_flight.add(token);
    try {
        impl_->client->publish(
            mqtt::make_message(std::string(topic), payload.data(), payload.size(), qos, retain),
            place, *impl_);
        return {};
    } catch (const mqtt::exception& e) {
        impl_->in_flight.take(place);
        const int code = e.get_return_code();
        const bool full = code == MQTTASYNC_MAX_MESSAGES_INFLIGHT ||
                          code == MQTTASYNC_MAX_BUFFERED_MESSAGES ||
                          code == MQTTASYNC_NO_MORE_MSGIDS;
        return Error{full ? Errc::busy : Errc::unreachable, "publish: " + paho_text(code), {}};
    } catch (const std::exception& e) {
        impl_->in_flight.take(place);
        return Error{Errc::internal, std::string("publish: ") + e.what(), {}};
    }
}

bool MqttClient::connected() const {
    return impl_->connected;
}

void MqttClient::disconnect(std::chrono::milliseconds timeout) {
    try {
        if (impl_->client && impl_->connected.exchange(false)) {
            const std::atomic<bool> never{false};
            impl_->client->disconnect(0, impl_->waiter.begin(), impl_->waiter);
            Waiter::Outcome outcome;
            impl_->waiter.wait(Deadline::clock::now() + timeout, never, outcome);
        }
    } catch (const std::exception&) {
        impl_->connected = false;  // it was gone already
    }
    impl_->drop();
}

void MqttClient::interrupt() {
    impl_->interrupted = true;
    impl_->waiter.wake();
}

void MqttClient::sever() {
    impl_->sever();
}

MqttOptions read_mqtt_options(ConfigView& config) {
    MqttOptions out;
    out.url = config.required_text("url");
    out.client_id = config.text("client_id");
    out.user = config.text("user");
    out.password = config.text("password");
    out.ca_file = config.text("ca_file");
    out.cert_file = config.text("cert_file");
    out.key_file = config.text("key_file");
    out.keep_alive =
        std::chrono::ceil<std::chrono::seconds>(config.duration("keep_alive", out.keep_alive));
    if (out.keep_alive < 5s || out.keep_alive > 18h)
        config.fault("keep_alive", "E0301", "keep_alive must be between 5 s and 18 h");
    if (!out.url.empty())
        if (auto parsed = parse_mqtt_url(out); !parsed)
            config.fault("url", "E0302", parsed.error().what, parsed.error().hint);
    if (!out.key_file.empty() && out.cert_file.empty())
        config.fault("key_file", "E0303", "key_file without cert_file");
    return out;
}

}  // namespace fog
