#include "tests/bench/mqtt_load.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "firmware/io/fd.hpp"
#include "tests/bench/proc.hpp"

namespace fog::bench {
namespace {

constexpr int kRefused = 2;            // exit code: no connection
constexpr std::size_t kVariants = 64;  // messages a connection repeats
constexpr std::array<const char*, 5> kNames = {"temperature", "humidity", "pressure", "battery",
                                               "flow"};

std::string payload(std::size_t values, std::size_t variant) {
    std::string out = "{";
    for (std::size_t i = 0; i < values; ++i) {
        std::array<char, 48> one{};
        std::snprintf(one.data(), one.size(), "%s\"%s\":%.2f", i == 0 ? "" : ",",
                      kNames[i % kNames.size()],
                      20.0 * static_cast<double>(i + 1) + static_cast<double>(variant) / 100);
        out += one.data();
    }
    return out + "}";
}

void append_text(std::string& out, std::string_view text) {
    out.push_back(static_cast<char>(text.size() >> 8U));
    out.push_back(static_cast<char>(text.size() & 0xFFU));
    out += text;
}

std::string packet(char type, const std::string& rest) {
    std::string out(1, type);
    std::size_t left = rest.size();
    do {
        const auto seven = static_cast<char>(left & 0x7FU);
        left >>= 7U;
        out.push_back(static_cast<char>(left != 0 ? seven | '\x80' : seven));
    } while (left != 0);
    return out + rest;
}

std::string connect_packet(unsigned index, const std::string& password) {
    std::string rest;
    append_text(rest, "MQTT");
    rest +=
        std::string("\x04", 1) + (password.empty() ? '\x02' : '\xC2') + std::string("\x00\x3C", 2);
    append_text(rest, "bench-" + std::to_string(index));
    if (!password.empty()) {
        append_text(rest, "bench");
        append_text(rest, password);
    }
    return packet('\x10', rest);
}

std::size_t bucket(std::int64_t us) {
    const double place = 8 * std::log2(static_cast<double>(std::max<std::int64_t>(us, 1)));
    return std::min(LoadCount::kBuckets - 1, static_cast<std::size_t>(place));
}

/// The child's side. Never returns.
class Senders {
public:
    Senders(const MqttLoad::Wanted& wanted, LoadCount& count) : wanted_(wanted), count_(count) {}

    [[noreturn]] void run() {
        poll_ = Fd(::epoll_create1(0));
        senders_ = std::vector<Sender>(wanted_.connections);
        for (unsigned i = 0; i < wanted_.connections; ++i) open(i);
        while (count_.connected.load() < wanted_.connections) turn(-1);
        const std::int64_t from = now_us();
        for (std::uint64_t due = 0, given = 0;;) {
            if (wanted_.per_second <= 0) {
                bool more = false;  // the sockets take all there is: no event tells of room
                for (Sender& sender : senders_) more = fill(sender) || more;
                turn(more ? 0 : -1);
                continue;
            }
            due = static_cast<std::uint64_t>(static_cast<double>(now_us() - from) *
                                             wanted_.per_second / 1e6);
            for (; given < due; ++given) publish_one(senders_[given % senders_.size()]);
            turn(1);
        }
    }

private:
    struct Sender {
        Fd fd;
        std::vector<std::string> messages;  // complete packets; the id is at `id_at`
        std::size_t id_at = 0;
        std::string in, out;
        std::vector<std::int64_t> sent_at;  // by place of the packet id
        unsigned next = 0;                  // message
        unsigned unacknowledged = 0;
        bool up = false;
    };

    void open(unsigned index) {
        Sender& sender = senders_[index];
        const std::string topic = "bench" + std::to_string(index) + "/telemetry";
        for (std::size_t k = 0; k < kVariants; ++k) {
            std::string rest;
            append_text(rest, topic);
            if (wanted_.qos != 0) rest += "\x01\x01";
            rest += payload(wanted_.values, k);
            sender.messages.push_back(packet(static_cast<char>(0x30 | wanted_.qos << 1), rest));
            sender.id_at = sender.messages.back().size() - rest.size() + 2 + topic.size();
        }
        sender.sent_at.resize(wanted_.window);
        sender.fd = Fd(::socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(wanted_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(sender.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (::connect(sender.fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
            ::_exit(kRefused);
        sender.out = connect_packet(index, wanted_.password);
        write(sender);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.u32 = index;
        ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, sender.fd.get(), &event);
    }

    void publish_one(Sender& sender) {
        if (sender.unacknowledged < wanted_.window) {
            add(sender);
            write(sender);
        }
    }
    /// Whether there is more to send and room for it. QoS 0 has no window.
    bool fill(Sender& sender) {
        const auto open = [&] {
            return wanted_.qos == 0 || sender.unacknowledged < wanted_.window;
        };
        while (sender.out.size() < 65'536 && open()) add(sender);
        write(sender);
        return sender.out.empty() && open();
    }
    void add(Sender& sender) {
        const unsigned place = sender.next % wanted_.window;
        std::string& message = sender.messages[sender.next % kVariants];
        ++sender.next;
        if (wanted_.qos != 0) {
            message[sender.id_at] = static_cast<char>((place + 1) >> 8U);
            message[sender.id_at + 1] = static_cast<char>((place + 1) & 0xFFU);
            sender.sent_at[place] = now_us();
            ++sender.unacknowledged;
        }
        sender.out += message;
        count_.sent.fetch_add(1, std::memory_order_relaxed);
    }
    static void write(Sender& sender) {
        std::size_t done = 0;
        while (done < sender.out.size()) {
            const ssize_t sent = ::send(sender.fd.get(), sender.out.data() + done,
                                        sender.out.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent <= 0) break;
            done += static_cast<std::size_t>(sent);
        }
        sender.out.erase(0, done);
    }

    void turn(int wait) {
        std::array<epoll_event, 256> events{};
        const int count =
            ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), wait);
        for (int i = 0; i < count; ++i) {
            Sender& sender = senders_[events[static_cast<std::size_t>(i)].data.u32];
            if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) write(sender);
            read(sender);
        }
    }
    void read(Sender& sender) {
        for (;;) {
            const ssize_t got =
                ::recv(sender.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
            if (got == 0) ::_exit(3);
            if (got < 0) return;
            sender.in.append(buffer_.data(), static_cast<std::size_t>(got));
            take(sender);
            if (static_cast<std::size_t>(got) < buffer_.size()) return;
        }
    }
    /// CONNACK and PUBACK are four bytes each.
    void take(Sender& sender) {
        const std::int64_t now = now_us();
        const bool measured = count_.measure.load(std::memory_order_relaxed);
        std::size_t at = 0;
        std::uint64_t acks = 0;
        for (; at + 4 <= sender.in.size(); at += 4) {
            if (!sender.up) {
                if (sender.in[at] != '\x20' || sender.in[at + 3] != 0) ::_exit(4);
                sender.up = true;
                count_.connected.fetch_add(1);
                continue;
            }
            if (sender.in[at] != '\x40') ::_exit(5);
            const unsigned id = static_cast<unsigned char>(sender.in[at + 2]) * 256U +
                                static_cast<unsigned char>(sender.in[at + 3]);
            if (measured)
                count_.waits[bucket(now - sender.sent_at.at(id - 1))].fetch_add(
                    1, std::memory_order_relaxed);
            --sender.unacknowledged;
            ++acks;
        }
        sender.in.erase(0, at);
        count_.acknowledged.fetch_add(acks, std::memory_order_relaxed);
    }

    const MqttLoad::Wanted& wanted_;
    LoadCount& count_;
    Fd poll_;
    std::vector<Sender> senders_;
    std::array<char, 65'536> buffer_{};
};

}  // namespace

MqttLoad::MqttLoad(const Wanted& wanted) {
    void* memory = ::mmap(nullptr, sizeof(LoadCount), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("no shared memory");
    count_ = new (memory) LoadCount;
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Senders(wanted, *count_).run();
    }
    for (const std::int64_t until = now_us() + 15'000'000;
         count_->connected.load() < wanted.connections;) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            fail(std::string("the MQTT clients ended: ") +
                 (WEXITSTATUS(status) == kRefused ? "the port is closed" : "not let in"));
        }
        if (now_us() > until)
            fail("only " + std::to_string(count_->connected.load()) + " of " +
                 std::to_string(wanted.connections) + " MQTT clients were let in");
        sleep_us(1000);
    }
}

MqttLoad::~MqttLoad() {
    end_process(pid_);
    ::munmap(count_, sizeof(LoadCount));
}

double MqttLoad::wait_ms(double part) const {
    std::uint64_t all = 0;
    for (const auto& one : count_->waits) all += one.load();
    auto left = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all)));
    for (std::size_t k = 0; k < LoadCount::kBuckets; ++k) {
        const std::uint64_t here = count_->waits[k].load();
        if (here >= left && here != 0) return std::exp2((static_cast<double>(k) + 0.5) / 8) / 1000;
        left -= std::min(left, here);
    }
    return 0;
}

std::size_t MqttLoad::payload_bytes(std::size_t values) {
    return payload(values, 0).size();
}

}  // namespace fog::bench
