#include "tests/bench/crowd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "tests/bench/proc.hpp"

namespace fog::bench {
namespace {

struct Peer {
    Fd fd;
    std::string rest;  // an incomplete message, or the head of the answer
    bool answered = false;
};

struct Got {
    std::int64_t sent;
    std::int64_t arrived;
};

std::string hello(const Crowd::Wanted& wanted, unsigned client) {
    const unsigned group = client % wanted.groups;
    if (wanted.wire == Wire::bare) return std::string(1, static_cast<char>(group));
    std::string text = "GET /api/v1/stream?channel=samples/d" + std::to_string(group) + "/%23" +
                       (wanted.stalled(client) ? "&channel=samples/flood/%23" : "") +
                       " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + wanted.token +
                       "\r\n";
    if (wanted.wire == Wire::sse) return text + "Accept: text/event-stream\r\n\r\n";
    return text +
           "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "Sec-WebSocket-Protocol: fogline.v1.json\r\n\r\n";
}

/// The child's side: connects, reads, answers the parent. Never returns.
class Clients {
public:
    Clients(const Crowd::Wanted& wanted, int in, int out) : wanted_(wanted), in_(in), out_(out) {}

    [[noreturn]] void run() {
        poll_ = Fd(::epoll_create1(0));
        watch(in_, wanted_.count);
        peers_.resize(wanted_.count);
        for (unsigned i = 0; i < wanted_.count; ++i) {
            connect(i);
            if (i % 64 == 63) turn(0);
        }
        for (bool said = false;;) {
            if (!said && answered_ == wanted_.count) {
                said = true;
                tell("ok");
            }
            turn(-1);
        }
    }

private:
    void watch(int fd, unsigned index) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = index;
        ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    void tell(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::write(out_, bytes.data(), bytes.size());
            if (count <= 0) ::_exit(1);
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }
    void connect(unsigned index) {
        Peer& peer = peers_[index];
        peer.fd = Fd(::socket(AF_INET, SOCK_STREAM, 0));
        const int least = 2048;  // a stalled client's window is soon full
        if (wanted_.stalled(index))
            ::setsockopt(peer.fd.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        // A thousand from each address: more the gateway takes for one that floods it.
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index / 1000);
        if (index >= 1000 &&
            ::bind(peer.fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
            ::_exit(5);
        address.sin_port = htons(wanted_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(peer.fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
            ::_exit(2);
        const std::string text = hello(wanted_, index);
        (void)!::send(peer.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
        watch(peer.fd.get(), index);
    }
    void turn(int wait) {
        std::array<epoll_event, 256> events{};
        const int count =
            ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), wait);
        for (int i = 0; i < count; ++i) {
            const unsigned index = events[static_cast<std::size_t>(i)].data.u32;
            if (index == wanted_.count)
                finish();
            else
                read(index);
        }
    }
    void read(unsigned index) {
        Peer& peer = peers_[index];
        const ssize_t count = ::recv(peer.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count < 0) return;
        if (count == 0) {
            ++closed_;
            ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, peer.fd.get(), nullptr);
            return;
        }
        const std::int64_t arrived = now_us();
        if (!peer.answered) {
            answer(peer, static_cast<std::size_t>(count));
            if (peer.answered && wanted_.stalled(index))
                ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, peer.fd.get(), nullptr);
            return;
        }
        bytes_.emplace_back(arrived, static_cast<std::uint32_t>(count));
        if (peer.rest.empty())
            return scan(peer, {buffer_.data(), static_cast<std::size_t>(count)}, arrived);
        const std::string whole = std::exchange(peer.rest, {}) +
                                  std::string(buffer_.data(), static_cast<std::size_t>(count));
        scan(peer, whole, arrived);
    }
    void answer(Peer& peer, std::size_t count) {
        peer.rest.append(buffer_.data(), count);
        if (wanted_.wire != Wire::bare && peer.rest.find("\r\n\r\n") == std::string::npos) return;
        const bool good = wanted_.wire == Wire::bare || peer.rest.compare(9, 3, "200") == 0 ||
                          peer.rest.compare(9, 3, "101") == 0;
        if (!good) {
            tell("no: " + peer.rest.substr(0, 200));
            ::_exit(3);
        }
        peer.rest.clear();
        peer.answered = true;
        ++answered_;
    }
    /// Finds every `"v":<digits>`; keeps the last bytes when one may be cut.
    void scan(Peer& peer, std::string_view text, std::int64_t arrived) {
        std::size_t done = 0;
        for (auto at = text.find("\"v\":"); at != std::string_view::npos;
             at = text.find("\"v\":", done)) {
            std::size_t end = at + 4;
            std::int64_t sent = 0;
            for (; end < text.size() && text[end] >= '0' && text[end] <= '9'; ++end)
                sent = sent * 10 + (text[end] - '0');
            if (end == text.size()) {
                peer.rest = text.substr(at);
                return;
            }
            got_.push_back({sent, arrived});
            done = end;
        }
        for (const std::string_view cut : {"\"v\":", "\"v\"", "\"v", "\""})
            if (text.size() >= done + cut.size() && text.ends_with(cut)) {
                peer.rest = cut;
                return;
            }
    }
    [[noreturn]] void finish() {
        std::int64_t from = 0;
        if (::read(in_, &from, sizeof(from)) != sizeof(from)) ::_exit(4);
        std::vector<float> latencies;
        for (const Got& one : got_)
            if (one.sent >= from) latencies.push_back(static_cast<float>(one.arrived - one.sent));
        std::uint64_t sum = 0;
        for (const auto& [at, count] : bytes_)
            if (at >= from) sum += count;
        const std::array<std::uint64_t, 3> head{latencies.size(), sum, closed_};
        tell({reinterpret_cast<const char*>(head.data()), sizeof(head)});
        tell({reinterpret_cast<const char*>(latencies.data()), latencies.size() * sizeof(float)});
        ::_exit(0);
    }

    const Crowd::Wanted& wanted_;
    int in_;
    int out_;
    Fd poll_;
    std::vector<Peer> peers_;
    std::array<char, 65536> buffer_{};
    std::vector<Got> got_;
    std::vector<std::pair<std::int64_t, std::uint32_t>> bytes_;
    std::uint64_t closed_ = 0;
    unsigned answered_ = 0;
};

void read_all(int fd, void* to, std::size_t size) {
    auto* at = static_cast<char*>(to);
    while (size > 0) {
        const ssize_t count = ::read(fd, at, size);
        if (count <= 0) fail("the clients' process ended early");
        at += count;
        size -= static_cast<std::size_t>(count);
    }
}

}  // namespace

Crowd::Crowd(const Wanted& wanted) {
    std::array<int, 2> down{};
    std::array<int, 2> up{};
    if (::pipe(down.data()) != 0 || ::pipe(up.data()) != 0) fail("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(down[1]);
        ::close(up[0]);
        Clients(wanted, down[0], up[1]).run();
    }
    ::close(down[0]);
    ::close(up[1]);
    to_ = Fd(down[1]);
    from_ = Fd(up[0]);
    std::array<char, 256> said{};
    const ssize_t count = ::read(from_.get(), said.data(), said.size() - 1);
    if (count < 2 || std::string_view(said.data(), 2) != "ok")
        fail("clients were not let in: " + std::string(said.data()));
}

Crowd::~Crowd() {
    end_process(pid_);
}

Harvest Crowd::end(std::int64_t from_us) {
    if (::write(to_.get(), &from_us, sizeof(from_us)) != sizeof(from_us)) fail("clients are gone");
    std::array<std::uint64_t, 3> head{};
    read_all(from_.get(), head.data(), sizeof(head));
    std::vector<float> latencies(head[0]);
    read_all(from_.get(), latencies.data(), latencies.size() * sizeof(float));
    end_process(std::exchange(pid_, -1));
    Harvest out;
    out.messages = head[0];
    out.bytes = head[1];
    out.closed = head[2];
    out.latencies_us.assign(latencies.begin(), latencies.end());
    return out;
}

}  // namespace fog::bench
