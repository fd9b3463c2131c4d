#include "tests/bench/mqtt_floor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/io/fd.hpp"

namespace fog::bench {
namespace {

constexpr std::size_t kTurn = 65'536;  // bytes read of a connection in one turn

class Reader {
public:
    Reader(int listener, const std::filesystem::path& file) : listener_(listener) {
        if (sqlite3_open(file.c_str(), &db_) != SQLITE_OK ||
            sqlite3_exec(db_,
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE log(id "
                         "INTEGER PRIMARY KEY, data BLOB)",
                         nullptr, nullptr, nullptr) != SQLITE_OK ||
            sqlite3_prepare_v2(db_, "INSERT INTO log(data) VALUES(?)", -1, &insert_, nullptr) !=
                SQLITE_OK)
            ::_exit(2);
    }

    [[noreturn]] void run() {
        poll_ = ::epoll_create1(0);
        watch(listener_);
        std::array<epoll_event, 256> events{};
        for (;;) {
            const int count =
                ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                if (fd == listener_)
                    accept();
                else
                    read(fd);
            }
            commit();
        }
    }

private:
    void watch(int fd) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
    }
    void accept() const {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(client);
    }
    void read(int fd) {
        const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got <= 0) {
            if (got == 0) ::close(fd);
            return;
        }
        const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
        std::string& rest = rest_[fd];
        if (rest.empty()) {
            rest = bytes.substr(parse(fd, bytes));
        } else {
            rest += bytes;
            rest.erase(0, parse(fd, rest));
        }
    }
    /// Bytes of whole packets.
    std::size_t parse(int fd, std::string_view bytes) {
        std::size_t done = 0;
        for (;;) {
            std::size_t length = 0, at = done + 1;
            for (unsigned shift = 0;; shift += 7) {
                if (at >= bytes.size()) return done;
                const auto byte = static_cast<unsigned char>(bytes[at++]);
                length |= static_cast<std::size_t>(byte & 0x7FU) << shift;
                if ((byte & 0x80U) == 0) break;
            }
            if (bytes.size() - at < length) return done;
            take(fd, bytes[done], bytes.substr(at, length));
            done = at + length;
        }
    }
    void take(int fd, char type, std::string_view rest) {
        if (type == '\x10') {
            acks_[fd] += std::string_view("\x20\x02\x00\x00", 4);
            return;
        }
        const std::size_t topic =
            static_cast<unsigned char>(rest[0]) * 256U + static_cast<unsigned char>(rest[1]);
        row_.append(rest.substr(0, 2 + topic));
        row_.append(rest.substr(4 + topic));
        std::string& acks = acks_[fd];
        acks += std::string_view("\x40\x02", 2);
        acks += rest.substr(2 + topic, 2);
    }
    void commit() {
        if (!row_.empty()) {
            sqlite3_bind_blob(insert_, 1, row_.data(), static_cast<int>(row_.size()),
                              SQLITE_STATIC);
            if (sqlite3_step(insert_) != SQLITE_DONE) ::_exit(3);
            sqlite3_reset(insert_);
            row_.clear();
        }
        for (auto& [fd, acks] : acks_) {
            if (acks.empty()) continue;
            (void)!::send(fd, acks.data(), acks.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            acks.clear();
        }
    }

    int listener_;
    int poll_ = -1;
    sqlite3* db_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    std::array<char, kTurn> buffer_{};
    std::map<int, std::string> rest_, acks_;
    std::string row_;
};

}  // namespace

MqttFloor::MqttFloor(const std::filesystem::path& below) : folder_(below) {
    const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener.get(), 1024) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        fail("no socket for the bare reader");
    port_ = ntohs(address.sin_port);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Reader(listener.get(), folder_.path() / "bare.db").run();
    }
}

MqttFloor::~MqttFloor() {
    end_process(pid_);
}

}  // namespace fog::bench
