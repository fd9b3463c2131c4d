#include "firmware/http/held.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <chrono>
#include <string>
#include <unordered_set>
#include <utility>

#include "firmware/core/thread_owned.hpp"
#include "firmware/io/files.hpp"

namespace fog {

namespace {

namespace asio = boost::asio;

constexpr std::size_t kTurnBytes = 64U << 10U;  // read from one socket before others are looked at

class SocketSet;

class HeldSocket final : public HeldConnection {
public:
    HeldSocket(std::shared_ptr<SocketSet> set, Fd socket, std::string early,
               std::unique_ptr<TlsStream> tls)
        : set_(std::move(set)),
          socket_(std::move(socket)),
          tls_(std::move(tls)),
          early_(std::move(early)) {}
    ~HeldSocket() override;

    void own(Owner* owner) override;
    Written write(std::span<const iovec> parts) override;
    void read(bool on) override;
    void finish() override;
    std::optional<std::string> certificate_name() const override {
        return tls_ ? tls_->certificate_name() : std::nullopt;
    }
    bool shaking_hands() const override { return tls_ && !tls_->established(); }

    int fd() const { return socket_.get(); }
    void ready(std::uint32_t events);

private:
    void read_all();
    void read_later();
    enum class Got : std::uint8_t { bytes, nothing, end };
    Got receive(std::span<const std::byte>& bytes, std::string& why);
    Got receive_tls(std::span<std::byte> into, std::span<const std::byte>& bytes, std::string& why);
    Written write_tls(std::span<const iovec> parts);
    bool sent_on();

    std::shared_ptr<SocketSet> set_;
    Fd socket_;
    std::unique_ptr<TlsStream> tls_;  // null: plain
    std::string early_;
    Owner* owner_ = nullptr;
    bool full_ = false;
    bool reading_ = true;
    bool finished_ = false;
};

/// Edge-triggered epoll set inside the loop's own: one wait of the loop serves all held sockets.
class SocketSet final : public HeldSockets, public std::enable_shared_from_this<SocketSet> {
public:
    SocketSet(EventLoop& loop, Fd epoll)
        : loop_(loop), epoll_(epoll.get()), waiter_(loop.context(), epoll.release()) {}

    std::unique_ptr<HeldConnection> adopt(Fd socket, std::string early) override {
        return hold(std::move(socket), std::move(early), nullptr);
    }
    std::unique_ptr<HeldConnection> adopt(Fd socket, const TlsServer& tls) override {
        auto stream = tls.accept(socket.get());
        if (stream == nullptr) return nullptr;
        return hold(std::move(socket), {}, std::move(stream));
    }
    void remove(HeldSocket& socket) { alive_.erase(&socket); }
    bool holds(HeldSocket* socket) const { return alive_.count(socket) != 0; }
    EventLoop& loop() { return loop_; }
    void wait();

private:
    void serve();
    std::unique_ptr<HeldConnection> hold(Fd socket, std::string early,
                                         std::unique_ptr<TlsStream> tls);

    EventLoop& loop_;
    int epoll_;
    asio::posix::stream_descriptor waiter_;
    std::unordered_set<HeldSocket*> alive_;
};

template <class T>
void set_option(int fd, int level, int name, T value) {
    ::setsockopt(fd, level, name, &value, sizeof(value));  // not TCP: refused, and not needed
}

HeldSocket::~HeldSocket() {
    set_->remove(*this);
}

void HeldSocket::own(Owner* owner) {
    owner_ = owner;
    // Not from inside this call: the owner is still being built.
    if (!early_.empty() && owner != nullptr) read_later();
}

HeldConnection::Written HeldSocket::write_tls(std::span<const iovec> parts) {
    const auto done = tls_->write(parts);
    full_ = done.state == TlsStream::State::again;
    const auto state = full_ ? State::full : State::gone;
    return {done.bytes, done.state == TlsStream::State::open ? State::open : state};
}

HeldConnection::Written HeldSocket::write(std::span<const iovec> parts) {
    if (tls_) return write_tls(parts);
    Written done;
    for (;;) {
        ssize_t sent = 0;
        if (parts.size() == 1) {
            sent = ::send(socket_.get(), parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
        } else {
            msghdr message{};
            message.msg_iov = const_cast<iovec*>(parts.data());
            message.msg_iovlen = parts.size();
            sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        }
        if (sent >= 0) {
            done.bytes = static_cast<std::size_t>(sent);
            std::size_t asked = 0;
            for (const auto& part : parts) asked += part.iov_len;
            // A short write means the kernel is full; it will say when it is not.
            full_ = done.bytes < asked;
            done.state = full_ ? State::full : State::open;
            return done;
        }
        if (errno == EINTR) continue;
        full_ = errno == EAGAIN || errno == EWOULDBLOCK;
        done.state = full_ ? State::full : State::gone;
        return done;
    }
}

void HeldSocket::read_later() {
    set_->loop().post([set = set_, self = this] {
        if (set->holds(self) && self->owner_ != nullptr) self->read_all();
    });
}

void HeldSocket::read(bool on) {
    if (reading_ == on) return;
    reading_ = on;
    if (on) read_later();  // its edges may have passed meanwhile
}

void HeldSocket::finish() {
    finished_ = true;
    if (tls_) tls_->finish();
    // Else when the rest of a record has gone.
    if (!tls_ || tls_->flush() == TlsStream::State::open) ::shutdown(socket_.get(), SHUT_WR);
}

HeldSocket::Got HeldSocket::receive_tls(std::span<std::byte> into,
                                        std::span<const std::byte>& bytes, std::string& why) {
    const auto done = tls_->read(into);
    if (done.state == TlsStream::State::again) return Got::nothing;
    bytes = into.first(done.bytes);
    if (done.state == TlsStream::State::open) return Got::bytes;
    const std::string fault(tls_->fault());
    if (done.state == TlsStream::State::closed)
        why = "client";
    else
        why = fault == "network" ? fault : "tls-" + fault;
    return Got::end;
}

HeldSocket::Got HeldSocket::receive(std::span<const std::byte>& bytes, std::string& why) {
    thread_local std::array<std::byte, 65536> buffer;
    if (tls_) return receive_tls(buffer, bytes, why);
    for (;;) {
        const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Got::nothing;
        why = got == 0 ? "client" : "network";
        if (got <= 0) return Got::end;
        bytes = std::span(buffer).first(static_cast<std::size_t>(got));
        return Got::bytes;
    }
}

void HeldSocket::read_all() {
    const auto set = set_;
    std::size_t turn = 0;
    std::span<const std::byte> bytes;
    std::string why;
    // Until there is nothing: an end that came together with the data has no edge of its own.
    while (set->holds(this) && owner_ != nullptr && reading_) {
        if (!early_.empty()) {  // came before what the socket has
            const std::string early = std::exchange(early_, {});
            owner_->on_input(std::as_bytes(std::span(early)));
            continue;
        }
        if (turn >= kTurnBytes) return read_later();  // others are waiting
        const bool waited = shaking_hands();
        const Got got = receive(bytes, why);
        if (waited && !shaking_hands() && full_) {  // what was to be written waited for that
            full_ = false;
            owner_->on_writable();
            if (!set->holds(this) || owner_ == nullptr) return;
        }
        if (got == Got::nothing) return;
        if (got == Got::end) return owner_->on_closed(why);
        turn += bytes.size();
        owner_->on_input(bytes);
    }
}

/// False: the rest of a record still waits, or the link is gone and the owner knows.
bool HeldSocket::sent_on() {
    const auto state = tls_->flush();
    if (state == TlsStream::State::failed) owner_->on_closed("network");
    if (state != TlsStream::State::open) return false;
    if (finished_) ::shutdown(socket_.get(), SHUT_WR);
    return true;
}

void HeldSocket::ready(std::uint32_t events) {
    if (owner_ == nullptr) return;
    const auto set = set_;
    // A client that breaks off a handshake says why, and what it said is still there to be read.
    if ((events & EPOLLERR) != 0 && !shaking_hands()) return owner_->on_closed("network");
    const bool room = (events & EPOLLOUT) != 0 && (!tls_ || sent_on());
    if (!set->holds(this) || owner_ == nullptr) return;
    if (room && full_ && !shaking_hands()) {
        full_ = false;
        owner_->on_writable();
        if (!set->holds(this)) return;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0 && owner_ != nullptr) read_all();
}

std::unique_ptr<HeldConnection> SocketSet::hold(Fd socket, std::string early,
                                                std::unique_ptr<TlsStream> tls) {
    loop_.check();
    const int fd = socket.get();
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16U << 10U);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 20'000U);
    auto held = std::make_unique<HeldSocket>(shared_from_this(), std::move(socket),
                                             std::move(early), std::move(tls));
    alive_.insert(held.get());
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = held.get();
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return nullptr;
    return held;
}

void SocketSet::wait() {
    waiter_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [weak = weak_from_this()](boost::system::error_code ec) {
                           const auto self = weak.lock();
                           if (self && !ec) self->serve();
                       });
}

void SocketSet::serve() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        auto* socket = static_cast<HeldSocket*>(events[static_cast<std::size_t>(i)].data.ptr);
        // An earlier event of this round may have closed it.
        if (alive_.count(socket) != 0) socket->ready(events[static_cast<std::size_t>(i)].events);
    }
    // Edge-triggered: the set is emptied before waiting again, in turns, so that others run too.
    if (count <= 0) return wait();
    loop_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->serve();
    });
}

}  // namespace

Result<std::shared_ptr<HeldSockets>> HeldSockets::make(EventLoop& loop) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return Error{Errc::internal, "epoll_create1: " + errno_text(errno), {}};
    auto set = std::make_shared<SocketSet>(loop, std::move(epoll));
    set->wait();
    return std::shared_ptr<HeldSockets>(std::move(set));
}

}  // namespace fog
