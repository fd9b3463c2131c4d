#include "firmware/mqtt/client.hpp"

#include <algorithm>
#include <utility>

#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/mqtt/topics.hpp"

namespace fog::mqtt {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kConnectBytes = 192U << 10U;  // a CONNECT with the largest will
constexpr auto kPacketTime = 10s;                   // for a whole packet, and then
constexpr std::size_t kPacketRate = 4096;           // a second more for each of these bytes
constexpr auto kHandshake = 5s;                     // more for CONNECT where TLS comes first
constexpr std::string_view kTlsFault = "tls-";
constexpr auto kLinger = 2s;   // for the far side to take our last words and close
constexpr auto kBrake = 5s;    // CONNACK of an id that two clients fight over
constexpr auto kPenalty = 1s;  // before a failed login is answered

constexpr std::size_t kNameBytes = 64;
constexpr std::string_view kDevice = "device ";

bool plain_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytes &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == ':' || c == '-';
           });
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Client::Client(Broker& broker, ClientRef ref, std::unique_ptr<HeldConnection> connection,
               std::string address, Transport transport)
    : broker_(broker),
      ref_(ref),
      connection_(std::move(connection)),
      address_(std::move(address)),
      transport_(transport),
      heard_(broker.now()),
      since_(heard_),
      until_(broker.now() + broker.limits().mqtt_connect_timeout +
             (transport == Transport::tls ? kHandshake : 0s)) {
    connection_->own(this);
    schedule();
}

Client::~Client() {
    broker_.pace().gone(sender_);
    broker_.hold_partial(partial_.size(), 0);
}

// --- bytes in

void Client::on_input(std::span<const std::byte> bytes) {
    const auto text = as_text(bytes);
    broker_.stats().bytes_in.add(text.size());
    if (state_ != State::fresh && state_ != State::open) return;
    if (partial_.empty()) {
        const auto used = feed(text);
        if (state_ == State::fresh || state_ == State::open) keep(text.substr(used));
        return;
    }
    const auto before = partial_.size();
    partial_ += text;
    const bool fits = broker_.hold_partial(before, partial_.size());
    resume_parsing();
    if (!fits && !partial_.empty()) pause(Pause::memory);
}

void Client::keep(std::string_view rest) {
    if (rest.empty()) return;
    partial_ = rest;
    if (!broker_.hold_partial(0, partial_.size())) pause(Pause::memory);
    partial_since_ = broker_.now();
    schedule();
}

/// Goes through what was kept; the memory goes with the last byte.
void Client::resume_parsing() {
    const auto before = partial_.size();
    const auto used = feed(partial_);
    if (used > 0) {
        partial_.erase(0, used);
        partial_since_ = broker_.now();
    }
    if (partial_.empty()) partial_ = {};
    broker_.hold_partial(before, partial_.size());
    if (!partial_.empty()) schedule();
}

/// Whole packets from the front of `bytes`; how much was used.
std::size_t Client::feed(std::string_view bytes) {
    std::size_t used = 0;
    while ((state_ == State::fresh || state_ == State::open) && paused_ == 0) {
        Header header;
        const auto rest = bytes.substr(used);
        const auto most =
            state_ == State::fresh ? kConnectBytes : broker_.limits().mqtt_packet_bytes;
        const auto got = read_header(rest, most, header);
        // What does not begin with CONNECT is not worth an answer, whatever else is wrong with it.
        const bool stranger = state_ == State::fresh && !rest.empty() &&
                              (static_cast<unsigned char>(rest[0]) != 0x10);
        if (stranger) {
            drop("not-connect");
            break;
        }
        if (got.refusal) {
            protocol_fault(*got.refusal);
            break;
        }
        if (got.more || rest.size() < header.whole()) return used;
        heard_ = broker_.now();
        if (!handle(header, rest.substr(header.size, header.length))) return used;
        used += header.whole();
    }
    return state_ == State::fresh || state_ == State::open ? used : bytes.size();
}

/// False: it cannot be looked at now and stays where it is.
bool Client::handle(const Header& header, std::string_view body) {
    if (too_many_answers(header)) {
        pause(Pause::window);
        return false;
    }
    if (header.type == Type::publish) return on_publish(header, body);
    broker_.stats().packet_in(header.type);
    switch (header.type) {
        case Type::connect:
            if (state_ == State::fresh)
                on_connect(body);
            else
                protocol_fault({Code::protocol, "second-connect", false});
            break;
        case Type::puback:
        case Type::pubrec:
        case Type::pubcomp:
            on_ack(header.type, body);
            break;
        case Type::pubrel:
            return on_pubrel(body);
        case Type::subscribe:
            on_subscribe(body);
            break;
        case Type::unsubscribe:
            on_unsubscribe(body);
            break;
        case Type::pingreq: {
            std::string pong;
            append_pingresp(pong);
            broker_.stats().packet_out(Type::pingresp);
            say(pong);
            break;
        }
        case Type::disconnect:
            on_disconnect(body);
            break;
        case Type::auth:
        case Type::publish:
        case Type::connack:
        case Type::suback:
        case Type::unsuback:
        case Type::pingresp:
            protocol_fault({Code::protocol, "unexpected-packet", false});
            break;
    }
    return true;
}

void Client::protocol_fault(const Refusal& refusal) {
    if (refusal.silent) return drop(refusal.reason);
    if (state_ == State::fresh) return refuse_connect(refusal);
    end(refusal.code, refusal.reason, true);
}

// --- CONNECT

void Client::on_connect(std::string_view body) {
    Connect connect;
    auto refusal = read_connect(body, connect);
    version_ = connect.version;
    if (!refusal) refusal = check_connect(connect);
    if (!refusal) refusal = authenticate(connect);
    if (!refusal) refusal = check_will(connect);
    bool present = false, fought = false;
    if (!refusal) {
        id_ = connect.client_id.empty() ? "auto-" + random_hex(8) : std::string(connect.client_id);
        const auto adopted = broker_.adopt(*this, id_, connect.clean, wanted_expiry(connect));
        session_ = adopted.session;
        present = adopted.present;
        fought = adopted.fought;
        if (session_ == nullptr) {
            id_.clear();
            refusal = Refusal{Code::bad_client_id, "client-id-taken", false};
        }
    }
    if (refusal) return refuse_connect(*refusal);
    accept_connect(connect, present, fought);
}

MaybeRefusal Client::check_connect(const Connect& connect) const {
    if (connect.properties.has(Property::auth_method))
        return Refusal{Code::bad_method, "auth-method", false};
    const bool v3 = version_ == Version::v3;
    if (v3 && connect.client_id.empty() && !connect.clean)
        return Refusal{Code::bad_client_id, "client-id", false};
    if (connect.client_id.size() > broker_.limits().mqtt_client_id_bytes ||
        has_control(connect.client_id))
        return Refusal{Code::bad_client_id, "client-id", false};
    // Where a session that outlives its connection cannot be promised, v5 is told so in CONNACK;
    // 3.1.1 has no word for it, and a client that counts on messages being kept must not believe
    // they are.
    if (v3 && !connect.clean && wanted_expiry(connect) == 0)
        return Refusal{Code::unavailable, "persistent-session", false};
    switch (broker_.room(*this)) {
        case Broker::Room::ok:
            return std::nullopt;
        case Broker::Room::full:
            return Refusal{Code::quota, "clients", false};
        case Broker::Room::address:
            return Refusal{Code::connection_rate, "clients-per-address", false};
    }
    return std::nullopt;
}

/// Seconds its session is to be kept after the connection, as far as we do.
std::uint32_t Client::wanted_expiry(const Connect& connect) const {
    const auto most = broker_.options().session_expiry_max;
    std::uint32_t wanted = connect.clean ? 0 : most;
    if (version_ == Version::v5) wanted = std::min(connect.properties.session_expiry, most);
    if (wanted == 0 || !broker_.keeps_sessions()) return 0;
    return broker_.room_for_session(std::string(connect.client_id)) ? wanted : 0;
}

/// A proven certificate says who it is; a password beside it is not looked at.
MaybeRefusal Client::authenticate(const Connect& connect, const std::string& certificate) {
    const auto refuse = [&](std::string_view reason, const std::string& words) {
        log_warning("mqtt",
                    "certificate refused name=" + (plain_name(certificate) ? certificate : "?") +
                        " address=" + address_ + ": " + words);
        return Refusal{Code::denied, reason, false};
    };
    if (!plain_name(certificate))
        return refuse("certificate-name",
                      "its common name must be one of 1 to 64 letters, digits and . _ : -");
    if (connect.user && !connect.user->empty() && *connect.user != certificate)
        return refuse("certificate-user", "the user name is another");
    if (broker_.parts().knows_device && !broker_.parts().knows_device(certificate))
        return refuse("certificate-unknown",
                      "no device has that id (mqtt.listener.cert_auto = true lets it in)");
    certified_ = true;
    principal_ = {};
    principal_.name = std::string(kDevice) + certificate;
    principal_.scopes = scope::kIngest | scope::kReadLive;
    principal_.patterns = {"#"};
    return std::nullopt;
}

MaybeRefusal Client::authenticate(const Connect& connect) {
    if (const auto certificate = connection_->certificate_name())
        return authenticate(connect, *certificate);
    const bool anonymous = !connect.password || connect.password->empty();
    if (anonymous) {
        if (!broker_.options().open) return Refusal{Code::bad_login, "no-password", false};
        principal_ = {};
        principal_.name = "anonymous";
        principal_.scopes = scope::kIngest;
        return std::nullopt;
    }
    const auto why =
        broker_.parts().authenticator.check(fog::Credentials{*connect.password, {}}, principal_);
    if (why == Authenticator::Why::ok) return std::nullopt;
    return Refusal{Code::bad_login, "bad-password", false};
}

MaybeRefusal Client::check_will(const Connect& connect) const {
    if (!connect.will) return std::nullopt;
    const Will& will = *connect.will;
    const Limits& limits = broker_.limits();
    if (will.payload.size() > limits.mqtt_will_bytes)
        return Refusal{Code::too_large, "will-size", false};
    if (!check_topic_name(will.topic, limits.topic_bytes, limits.topic_levels))
        return Refusal{Code::bad_topic, "will-topic", false};
    if (!may_publish(will.topic)) return Refusal{Code::denied, "will-denied", false};
    return std::nullopt;
}

void Client::refuse_connect(const Refusal& refusal) {
    broker_.stats().refused(refusal.reason);
    const bool login = refusal.code == Code::bad_login;
    Connack connack;
    connack.code = refusal.code;
    if (login) {
        broker_.failed_login(address_);
        if (broker_.banned(address_)) connack.code = Code::banned;
    }
    state_ = State::refused;
    // A packet that cannot be read has no answer in 3.1.1 (3.1.4).
    const bool answer = version_ == Version::v5 ||
                        (refusal.code != Code::malformed && refusal.code != Code::protocol &&
                         refusal.code != Code::too_large);
    if (!answer) return drop(refusal.reason);
    append_connack(out_, version_, connack);
    broker_.stats().packet_out(Type::connack);
    until_ = broker_.now() + (login ? kPenalty : 0s);
    if (login) return schedule();
    flush();
}

void Client::keep_will(const Connect& connect) {
    if (!connect.will) return;
    const Will& will = *connect.will;
    will_ = std::make_unique<StoredWill>();
    will_->topic = will.topic;
    will_->payload = will.payload;
    will_->properties = will.properties.raw;
    will_->qos = std::min<std::uint8_t>(will.qos, 1);
    will_->retain = will.retain;
    will_->delay = will.properties.will_delay;
    if (will.properties.has(Property::message_expiry))
        will_->expiry = will.properties.message_expiry;
}

void Client::save_will() {
    if (state_ == State::open && will_ && session_->will_unsaved)
        broker_.keep_will(*session_, *will_);
}

void Client::accept_connect(const Connect& connect, bool present, bool fought) {
    const Limits& limits = broker_.limits();
    const BrokerOptions& options = broker_.options();
    const bool v5 = version_ == Version::v5;
    state_ = State::open;
    keep_alive_ = connect.keep_alive;
    connack_ = std::make_unique<Connack>();
    Connack& connack = *connack_;
    connack.session_present = present;
    if (v5) {
        const bool limited = keep_alive_ == 0 || keep_alive_ > options.keep_alive_max;
        if (limited) connack.server_keep_alive = keep_alive_ = options.keep_alive_max;
        if (connect.client_id.empty()) connack.assigned_id = id_;
        if (session_->expiry != connect.properties.session_expiry) {
            connack.session_expiry = session_->expiry;
            if (session_->expiry == 0) broker_.stats().refused("session-expiry");
        }
        connack.receive_maximum = options.receive_maximum;
        connack.maximum_packet = static_cast<std::uint32_t>(limits.mqtt_packet_bytes);
        connack.alias_maximum = static_cast<std::uint16_t>(limits.mqtt_aliases);
        connack.no_shared = session_->lasting;
        problem_info_ = connect.properties.request_problem != 0;
        most_packet_ = connect.properties.maximum_packet;
    }
    const std::size_t ours = v5 ? limits.mqtt_window : limits.mqtt_window_v3;
    window_ =
        static_cast<std::uint32_t>(std::min<std::size_t>(connect.properties.receive_maximum, ours));
    keep_will(connect);
    broker_.connected(*this);
    held_ = true;
    if (fought) welcome_at_ = broker_.now() + kBrake;
    schedule();
    if (present) check_rights();
    const bool resumed = !present || broker_.resume(*session_);
    if (resumed && !fought) return welcome();
    pause(Pause::log);
}

void Client::welcome() {
    if (!held_ || state_ != State::open || broker_.now() < welcome_at_) return;
    held_ = false;
    if (will_) broker_.keep_will(*session_, *will_);
    if (version_ == Version::v5 && session_->missed != 0) {
        connack_->missed = session_->missed;
        connack_->missed_from = session_->missed_from.value;
    }
    append_connack(out_, version_, *connack_);
    connack_.reset();
    broker_.stats().packet_out(Type::connack);
    const bool lost = std::exchange(session_->missed, 0) != 0;
    // After a loss the state is right in the end: what is retained comes as ordinary messages.
    if (lost || std::exchange(session_->retained_again, false))
        for (const auto& [filter, one] : session_->subscriptions)
            if (lost || one->qos > 0) start_backlog(*one, !lost);
    broker_.dirty(*this);
    unpause(Pause::log);
}

/// What it may not subscribe any more goes; v5 has no word for that before it asks again.
void Client::check_rights() {
    std::vector<std::string> gone;
    for (const auto& [filter, one] : session_->subscriptions)
        if (!may_subscribe(principal_, filter)) gone.push_back(filter);
    for (const std::string& filter : gone) {
        broker_.stats().refused("subscribe-denied");
        log_warning("mqtt", "subscription gone, the right is missing: client=" + id_);
        broker_.unsubscribe(*session_->subscriptions.find(filter)->second);
        session_->subscriptions.erase(filter);
    }
    if (!gone.empty()) broker_.save(*session_);
}

void Client::on_disconnect(std::string_view body) {
    Disconnect packet;
    if (const auto bad = read_disconnect(body, version_, packet)) return protocol_fault(*bad);
    if (packet.properties.has(Property::session_expiry)) {
        const auto wanted = packet.properties.session_expiry;
        if (wanted > 0 && session_->expiry == 0)
            return protocol_fault({Code::protocol, "session-expiry-raised", false});
        broker_.set_expiry(*session_, std::min(wanted, broker_.options().session_expiry_max));
    }
    flush();  // it may have asked for something in the same breath
    if (state_ == State::gone) return;
    leave(packet.code == Code::with_will);
    state_ = State::gone;
    broker_.buried(*this);
}

// --- the end

/// Out of every table; the connection may still be there.
void Client::leave(bool will) {
    if (state_ != State::open) return;
    state_ = State::ending;
    broker_.disconnected(*this);
    if (!will || held_) will_.reset();  // who got no CONNACK has no will
    broker_.end_will(*session_, std::move(will_));
    const Shared shared = take_shared();
    broker_.detach(*session_);
    session_ = nullptr;
    for (const auto& [group, message] : shared) broker_.share(group, message, true);
    queue_.clear();
    queued_ = logged_ = 0;
    backlog_.clear();
    acks_.clear();
    late_.clear();
}

void Client::end(Code code, std::string_view reason, bool will) {
    if (state_ == State::ending || state_ == State::gone) return;
    if (state_ != State::open || held_) return drop(reason);
    broker_.stats().closed(reason);
    if (code != Code::shutting_down)
        log_info("mqtt", "closed client=" + id_ + " address=" + address_ +
                             " reason=" + std::string(reason));
    if (version_ == Version::v5) {
        append_disconnect(out_, code, problem_info_ ? reason : std::string_view());
        broker_.stats().packet_out(Type::disconnect);
    }
    leave(will);
    until_ = broker_.now() + kLinger;
    paused_ = 0;
    connection_->read(true);  // its end is waited for
    flush();
    schedule();
}

void Client::drop(std::string_view reason) {
    if (state_ == State::gone) return;
    if (state_ != State::ending) broker_.stats().closed(reason);
    leave(true);
    state_ = State::gone;
    broker_.buried(*this);
}

void Client::tls_failed(std::string_view why) {
    broker_.stats().tls_failed(why);
    log_info("mqtt", "TLS handshake failed address=" + address_ + " reason=" + std::string(why));
}

void Client::on_closed(std::string_view reason) {
    if (state_ == State::gone) return;
    if (state_ == State::fresh && connection_->shaking_hands())
        tls_failed(reason.starts_with(kTlsFault) ? reason.substr(kTlsFault.size()) : "closed");
    else if (reason.starts_with(kTlsFault) || reason.starts_with("ws-"))
        broker_.stats().closed(reason);
    leave(true);
    state_ = State::gone;
    broker_.buried(*this);
}

void Client::silence() {
    pause(Pause::stop);
}

// --- time

void Client::visit() {
    visit_tick = 0;
    const auto now = broker_.now();
    switch (state_) {
        case State::fresh:
            if (now >= until_) {
                if (connection_->shaking_hands()) tls_failed("timeout");
                return drop("connect-timeout");
            }
            break;
        case State::refused:
            if (now >= until_) flush();
            break;
        case State::ending:
            if (now >= until_) return drop("linger");
            break;
        case State::gone:
            return;
        case State::open: {
            if (held_ && welcome_at_ != MonoTime{}) welcome();
            if (state_ != State::open) return;
            const auto silent = std::chrono::seconds(keep_alive_) * 3 / 2;
            if (keep_alive_ != 0 && paused_ == 0 && now - heard_ > silent)
                return end(Code::keep_alive, "keep-alive", true);
            if (out_.empty()) out_ = {};
            break;
        }
    }
    const auto most = kPacketTime + std::chrono::seconds(partial_.size() / kPacketRate);
    if (!partial_.empty() && !held_back() && now - partial_since_ > most)
        return protocol_fault({Code::malformed, "slow-packet", false});
    schedule();
}

void Client::schedule() {
    auto next = MonoTime::max();
    if (state_ != State::open) next = until_;
    // What is paused is looked at again later; its silence is ours.
    const auto from = paused_ == 0 ? heard_ : broker_.now();
    if (state_ == State::open && keep_alive_ != 0)
        next = from + std::chrono::seconds(keep_alive_) * 3 / 2;
    if (state_ == State::open && held_ && welcome_at_ > broker_.now())
        next = std::min(next, welcome_at_);
    if (!partial_.empty()) {
        const auto since = held_back() ? broker_.now() : partial_since_;
        next = std::min<MonoTime>(
            next, since + kPacketTime + std::chrono::seconds(partial_.size() / kPacketRate));
    }
    if (next != MonoTime::max()) visit_tick = broker_.visit_at(*this, next + 1ms);
}

void Client::check_credential() {
    if (state_ != State::open) return;
    if (certified_ && broker_.parts().knows_device &&
        !broker_.parts().knows_device(std::string_view(principal_.name).substr(kDevice.size())))
        return end(Code::denied, "certificate-unknown", true);
    if (principal_.credential == 0) return;
    if (!broker_.parts().authenticator.still_valid(principal_))
        end(Code::denied, "credential-gone", true);
}

// --- pausing

void Client::pause(Pause why) {
    if (paused_ == 0) connection_->read(false);
    paused_ |= why;
}

void Client::unpause(Pause why) {
    if ((paused_ & why) == 0) return;
    paused_ = static_cast<std::uint8_t>(paused_ & ~why);
    if (paused_ != 0) return;
    heard_ = broker_.now();  // it could not be heard meanwhile
    if (why != Pause::memory) partial_since_ = heard_;
    if (!partial_.empty()) resume_parsing();
    if (paused_ == 0 && state_ != State::gone) connection_->read(true);
}

// Of those stopped for want of memory the slow ones must go, or nobody gets any.
bool Client::held_back() const {
    return (paused_ & ~static_cast<unsigned>(Pause::memory)) != 0;
}

void Client::resume() {
    unpause(static_cast<Pause>(Pause::ring));
    unpause(static_cast<Pause>(Pause::memory));
}

}  // namespace fog::mqtt
