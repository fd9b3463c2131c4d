#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/io/fd.hpp"

namespace fog {

/// A client of the stream resource on a raw socket. It reads only while it is asked to, keeps all
/// events, and remembers the position a browser would send as Last-Event-ID.
class SseClient {
public:
    struct Event {
        std::string name, id;
        nlohmann::json data;
        /// The record inside, or null.
        const nlohmann::json& record() const {
            static const nlohmann::json kNone;
            const auto found = data.find("d");
            return found != data.end() ? *found : kNone;
        }
    };

    std::vector<Event> events;
    std::string last_id;

    /// Connects; with `resume` from the last position. False: no connection.
    bool open(std::uint16_t port, const std::string& token, const std::string& query,
              bool resume = false) {
        socket_.emplace(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        in_head_ = true;
        for (auto* text : {&bytes_, &name_, &id_, &data_}) text->clear();
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const auto* to = reinterpret_cast<sockaddr*>(&address);
        const std::string head =
            "GET /api/v1/stream?" + query + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
            "Accept: text/event-stream\r\nAuthorization: Bearer " + token +
            (resume ? "\r\nLast-Event-ID: " + last_id : std::string()) + "\r\n\r\n";
        const bool sent = ::connect(socket_->get(), to, sizeof address) == 0 &&
                          ::send(socket_->get(), head.data(), head.size(), MSG_NOSIGNAL) ==
                              static_cast<ssize_t>(head.size());
        if (!sent) socket_.reset();
        return sent;
    }
    const std::string& head() const { return head_; }
    bool ended() const { return !socket_.has_value(); }

    /// Reads until `seen` is true of an event not looked at before, the end, or the deadline.
    bool until(const std::function<bool(const Event&)>& seen,
               std::chrono::milliseconds within = std::chrono::seconds(15)) {
        const auto deadline = std::chrono::steady_clock::now() + within;
        for (;;) {
            while (looked_at_ < events.size())
                if (seen(events[looked_at_++])) return true;
            if (!read_some(deadline)) return false;
        }
    }
    /// Until the record has these members.
    bool until_record(const nlohmann::json& members,
                      std::chrono::milliseconds within = std::chrono::seconds(15)) {
        return until(
            [&members](const Event& event) {
                for (const auto& [key, value] : members.items())
                    if (!event.record().is_object() ||
                        event.record().value(key, nlohmann::json()) != value)
                        return false;
                return true;
            },
            within);
    }
    /// Reads on until the far side ends the stream or the deadline.
    void drain(std::chrono::milliseconds within) {
        until([](const Event&) { return false; }, within);
    }

private:
    bool read_some(std::chrono::steady_clock::time_point deadline) {
        if (!socket_) return false;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd ready{socket_->get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            return false;
        char buffer[65536];
        const ssize_t count = ::recv(socket_->get(), buffer, sizeof buffer, 0);
        if (count <= 0) {
            socket_.reset();
            return false;
        }
        bytes_.append(buffer, static_cast<std::size_t>(count));
        take(bytes_);
        return true;
    }
    void take(std::string& bytes) {
        if (in_head_) {
            const auto end = bytes.find("\r\n\r\n");
            if (end == std::string::npos) return;
            head_ = bytes.substr(0, end + 4);
            bytes.erase(0, end + 4);
            in_head_ = false;
        }
        std::size_t from = 0;
        for (std::size_t at = 0; (at = bytes.find('\n', from)) != std::string::npos; from = at + 1)
            line(std::string_view(bytes).substr(from, at - from));
        bytes.erase(0, from);
    }
    void line(std::string_view text) {
        if (text.empty()) return dispatch();
        if (text.starts_with("event: ")) name_ = text.substr(7);
        if (text.starts_with("id: ")) id_ = text.substr(4);
        if (text.starts_with("data: ")) data_ += text.substr(6);
    }
    void dispatch() {
        if (!id_.empty()) last_id = id_;
        if (!data_.empty())
            events.push_back({name_, id_, nlohmann::json::parse(data_, nullptr, false)});
        name_.clear(), id_.clear(), data_.clear();
    }

    std::optional<Fd> socket_;
    std::string bytes_, head_, name_, id_, data_;
    bool in_head_ = true;
    std::size_t looked_at_ = 0;
};

}  // namespace fog
