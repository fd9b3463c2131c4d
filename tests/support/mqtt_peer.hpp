#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fog {

/// A far end that speaks MQTT in bytes of its own, independent of every codec under test: QoS 1
/// and 2 out, whatever comes back in. Blocking, with deadlines. Thread: its owner's.
class MqttPeer {
public:
    MqttPeer() = default;
    ~MqttPeer() { close(); }
    MqttPeer(const MqttPeer&) = delete;
    MqttPeer& operator=(const MqttPeer&) = delete;

    /// True once CONNACK said yes. `version` 4 or 5; `keep`: with the session that was there, and
    /// an hour of it afterwards.
    bool connect(std::uint16_t port, int version, std::string_view id, std::string_view password,
                 bool keep = false) {
        close();
        version_ = version;
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return false;
        std::string body =
            text("MQTT") + static_cast<char>(version) + (keep ? "\xc0" : "\xc2") + two(60);
        if (version == 5 && keep)
            body += std::string("\x05\x11\x00\x00\x0e\x10", 6);
        else if (version == 5)
            body += '\0';
        body += text(id) + text("u") + text(password);
        if (!write('\x10', body)) return false;
        std::string packet;
        const bool good = read(packet, std::chrono::seconds(5)) && packet[0] == '\x20' &&
                          packet.size() >= 4 && connack_code(packet) == 0;
        session_present_ = good && packet[2] == 1;
        return good;
    }
    /// Of the last CONNACK.
    bool session_present() const { return session_present_; }
    bool publish(std::string_view topic, std::string_view payload, std::uint16_t id,
                 bool retain = false) {
        return send_publish(retain ? '\x33' : '\x32', topic, payload, id);
    }
    bool publish_once(std::string_view topic, std::string_view payload, std::uint16_t id,
                      bool again) {
        return send_publish(again ? '\x3c' : '\x34', topic, payload, id);
    }
    bool release(std::uint16_t id) { return write('\x62', two(id)); }
    /// An answer to a publish: its first byte (0x40 PUBACK, 0x50 PUBREC, 0x70 PUBCOMP) and id.
    struct Answer {
        unsigned char type;
        std::uint16_t id;
    };
    /// Answers that mean yes and are here or come within the time; false: the connection is gone.
    bool answers(std::vector<Answer>& out, std::chrono::milliseconds within) {
        std::string packet;
        for (;;) {
            if (!read(packet, within)) return open_;
            within = std::chrono::milliseconds(0);
            if (packet.size() < 4 || (packet.size() > 4 && packet[4] != 0)) continue;
            out.push_back({static_cast<unsigned char>(packet[0]),
                           static_cast<std::uint16_t>(static_cast<unsigned char>(packet[2]) << 8U |
                                                      static_cast<unsigned char>(packet[3]))});
        }
    }
    /// Ids of the PUBACKs that are here or come within the time; false: the connection is gone.
    bool acks(std::vector<std::uint16_t>& out, std::chrono::milliseconds within) {
        std::vector<Answer> all;
        const bool alive = answers(all, within);
        for (const Answer& one : all)
            if (one.type == 0x40) out.push_back(one.id);
        return alive;
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
        open_ = true;
        got_.clear();
    }

private:
    static std::string two(std::size_t value) {
        return {static_cast<char>(value >> 8U), static_cast<char>(value)};
    }
    static std::string text(std::string_view text) { return two(text.size()) + std::string(text); }
    bool send_publish(char first, std::string_view topic, std::string_view payload,
                      std::uint16_t id) {
        std::string body = text(topic) + two(id);
        if (version_ == 5) body += '\0';
        return write(first, body + std::string(payload));
    }
    static int connack_code(const std::string& packet) {
        return static_cast<unsigned char>(packet[3]);
    }
    bool write(char first, const std::string& body) {
        std::string out(1, first);
        for (std::size_t left = body.size();;) {
            const auto low = static_cast<char>(left & 0x7FU);
            left >>= 7U;
            out += left != 0 ? static_cast<char>(low | '\x80') : low;
            if (left == 0) break;
        }
        out += body;
        for (std::size_t at = 0; at < out.size();) {
            const auto sent = ::send(fd_, out.data() + at, out.size() - at, MSG_NOSIGNAL);
            if (sent <= 0) return open_ = false;
            at += static_cast<std::size_t>(sent);
        }
        return true;
    }
    /// One whole packet; the remaining length of what a server sends here fits one byte, or two.
    bool read(std::string& packet, std::chrono::milliseconds within) {
        const auto until = std::chrono::steady_clock::now() + within;
        for (;;) {
            std::size_t head = 2, length = 0;
            if (got_.size() >= 2) length = static_cast<unsigned char>(got_[1]);
            if (length > 127 && got_.size() >= 3) {
                length = (length & 127U) + static_cast<unsigned char>(got_[2]) * 128U;
                head = 3;
            }
            if (got_.size() >= head && got_.size() >= head + length) {
                packet = got_.substr(0, head + length);
                got_.erase(0, head + length);
                return true;
            }
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                until - std::chrono::steady_clock::now());
            pollfd ready{fd_, POLLIN, 0};
            if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0)
                return false;
            char buffer[16384];
            const auto count = ::recv(fd_, buffer, sizeof buffer, 0);
            if (count <= 0) return open_ = false;
            got_.append(buffer, static_cast<std::size_t>(count));
        }
    }

    int fd_ = -1;
    int version_ = 4;
    bool open_ = true;
    bool session_present_ = false;
    std::string got_;
};

}  // namespace fog
