#include "sim/net/stream_loop.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "firmware/io/files.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::optional<Address> inet_address(const std::string& host, std::uint16_t port) {
    Address out;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out.size = sizeof *v4;
        return out;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        out.size = sizeof *v6;
        return out;
    }
    return std::nullopt;
}

std::optional<Address> unix_address(const std::filesystem::path& path) {
    Address out;
    auto* name = reinterpret_cast<sockaddr_un*>(&out.storage);
    const std::string text = path.string();
    if (text.size() >= sizeof name->sun_path) return std::nullopt;
    name->sun_family = AF_UNIX;
    std::memcpy(name->sun_path, text.c_str(), text.size() + 1);
    out.size = sizeof *name;
    return out;
}

std::uint16_t port_of(int fd) {
    Address bound;
    bound.size = sizeof bound.storage;
    if (::getsockname(fd, bound.get(), &bound.size) != 0) return 0;
    if (bound.storage.ss_family == AF_INET6) {
        return ntohs(reinterpret_cast<sockaddr_in6*>(&bound.storage)->sin6_port);
    }
    return ntohs(reinterpret_cast<sockaddr_in*>(&bound.storage)->sin_port);
}

}  // namespace

void Stream::send(std::string_view bytes) {
    if (dead_ || finishing_ || shutting_) return;
    queue_ += bytes;
    if (queue_.size() > StreamLoop::kQueuedBytes) dead_ = true;
}

void Stream::reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    dead_ = true;
}

StreamLoop::StreamLoop(StreamService& service)
    : service_(service),
      posted_("sim-net-posted", 1'024, Overflow::refuse),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

StreamLoop::~StreamLoop() {
    while (!listeners_.empty()) close_listener(listeners_.begin()->first);
}

Result<StreamLoop::Listening> StreamLoop::add_listener(Fd fd, std::filesystem::path path,
                                                       std::uint16_t port) {
    const std::uint64_t id = ++last_id_;
    listeners_.emplace(id, Listener{std::move(fd), std::move(path)});
    return Listening{id, port};
}

Result<StreamLoop::Listening> StreamLoop::listen(const std::string& address, std::uint16_t port) {
    const auto at = inet_address(address, port);
    if (!at) return Error{Errc::bad_config, "'" + address + "' is no numeric address", {}};
    Fd fd(::socket(at->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), at->get(), at->size) != 0 || ::listen(fd.get(), 128) != 0) {
        const int why = errno;
        return Error{
            why == EADDRINUSE ? Errc::busy : Errc::unreachable,
            "listening on " + address + ":" + std::to_string(port) + ": " + errno_text(why),
            {}};
    }
    const std::uint16_t taken = port_of(fd.get());
    return add_listener(std::move(fd), {}, taken);
}

Result<StreamLoop::Listening> StreamLoop::listen_unix(const std::filesystem::path& path) {
    const auto at = unix_address(path);
    if (!at) {
        return Error{Errc::bad_config, path.string() + " is too long for a socket",
                     "at most 107 characters; name a shorter path"};
    }
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), at->get(), at->size) == 0) {
        return Error{Errc::busy, path.string() + ": another process answers there", {}};
    }
    struct stat before {};
    if (::lstat(path.c_str(), &before) == 0) {
        if (!S_ISSOCK(before.st_mode)) {
            return Error{Errc::bad_config, path.string() + " is there and is no socket", {}};
        }
        ::unlink(path.c_str());
    }
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // The mode of the socket before bind() becomes that of the file: never open to others.
    ::fchmod(fd.get(), 0600);
    if (::bind(fd.get(), at->get(), at->size) != 0 || ::listen(fd.get(), 16) != 0) {
        return Error{Errc::unreachable, path.string() + ": " + errno_text(errno), {}};
    }
    ::chmod(path.c_str(), 0600);
    return add_listener(std::move(fd), path, 0);
}

void StreamLoop::close_listener(std::uint64_t listener) {
    const auto found = listeners_.find(listener);
    if (found == listeners_.end()) return;
    if (!found->second.path.empty()) ::unlink(found->second.path.c_str());
    listeners_.erase(found);
}

Stream* StreamLoop::connect(const std::string& address, std::uint16_t port) {
    const auto to = inet_address(address == "localhost" ? "127.0.0.1" : address, port);
    if (!to || streams_.size() >= kStreams) return nullptr;
    Fd fd(::socket(to->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return nullptr;
    if (::connect(fd.get(), to->get(), to->size) != 0 && errno != EINPROGRESS) return nullptr;
    const std::uint64_t id = ++last_id_;
    auto& stream = streams_[id];
    stream.reset(new Stream(id, std::move(fd)));
    stream->connecting_ = true;
    return stream.get();
}

Stream* StreamLoop::find(std::uint64_t id) {
    const auto found = streams_.find(id);
    return found == streams_.end() || found->second->dead_ ? nullptr : found->second.get();
}

bool StreamLoop::post(std::function<void()> work) {
    const bool taken = posted_.push(std::move(work));
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
    return taken;
}

void StreamLoop::stop() {
    stopping_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void StreamLoop::run_posted() {
    while (auto work = posted_.pop(0ns)) (*work)();
}

void StreamLoop::run() {
    while (!stopping_) {
        run_posted();
        const auto next = service_.due(mono_now());
        for (auto& [id, stream] : streams_) write_some(*stream);
        sweep();
        wait(next);
    }
    run_posted();
    for (auto& [id, stream] : streams_) {
        write_some(*stream);
        stream->dead_ = true;
    }
    sweep();
}

void StreamLoop::wait(std::optional<MonoTime> until) {
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    std::vector<std::uint64_t> ids{0};
    for (const auto& [id, listener] : listeners_) {
        fds.push_back({listener.fd.get(), POLLIN, 0});
        ids.push_back(id);
    }
    const std::size_t first_stream = fds.size();
    for (const auto& [id, stream] : streams_) {
        int events = 0;
        const bool room = stream->heard_.size() < kHeardBytes;
        if (!stream->connecting_ && !stream->held_ && !stream->ended_ && room) events |= POLLIN;
        if (stream->connecting_ || !stream->queue_.empty()) events |= POLLOUT;
        fds.push_back({stream->fd_.get(), static_cast<short>(events), 0});
        // Poll tells of a broken connection even unasked: a held one would turn this into a spin.
        if (events == 0) fds.back().fd = -1;
        ids.push_back(id);
    }
    const std::chrono::nanoseconds rest =
        until ? std::clamp<std::chrono::nanoseconds>(*until - mono_now(), 0ns, 1s) : 1s;
    const timespec time{static_cast<time_t>(rest / 1s), static_cast<long>((rest % 1s).count())};
    if (::ppoll(fds.data(), fds.size(), &time, nullptr) <= 0) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(wake_.get(), &count, sizeof count);
    run_posted();  // what was asked for before these bytes were written holds for them
    for (std::size_t i = 1; i < fds.size(); ++i) {
        if (fds[i].revents == 0) continue;
        if (i < first_stream) {
            const auto listener = listeners_.find(ids[i]);
            if (listener != listeners_.end()) accept_from(ids[i], listener->second);
        } else if (Stream* stream = find(ids[i])) {
            serve(*stream, fds[i].revents);
        }
    }
}

void StreamLoop::accept_from(std::uint64_t id, const Listener& listener) {
    for (int n = 0; n < 64; ++n) {
        Fd fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) return;
        if (streams_.size() >= kStreams) continue;
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const std::uint64_t stream_id = ++last_id_;
        auto& stream = streams_[stream_id];
        stream.reset(new Stream(stream_id, std::move(fd)));
        service_.opened(*stream, id);
        if (listeners_.find(id) == listeners_.end()) return;  // closed by the service
    }
}

void StreamLoop::serve(Stream& stream, short events) {
    if (stream.connecting_) {
        int why = 0;
        socklen_t size = sizeof why;
        ::getsockopt(stream.fd_.get(), SOL_SOCKET, SO_ERROR, &why, &size);
        stream.connecting_ = false;
        if (why != 0) {
            stream.dead_ = true;
            return;
        }
        service_.opened(stream, 0);
    }
    if ((events & POLLOUT) != 0) write_some(stream);
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !stream.dead_) read_some(stream);
}

void StreamLoop::read_some(Stream& stream) {
    std::array<char, 65'536> chunk{};
    const ssize_t n = ::read(stream.fd_.get(), chunk.data(), chunk.size());
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) stream.dead_ = true;
        return;
    }
    if (n == 0) stream.ended_ = true;
    stream.heard_.append(chunk.data(), static_cast<std::size_t>(n));
    tell(stream, n > 0);
}

void StreamLoop::tell(Stream& stream, bool fresh) {
    if (!fresh && stream.end_told_) return;
    stream.end_told_ = stream.ended_;
    service_.heard(stream);
}

void StreamLoop::write_some(Stream& stream) {
    if (stream.dead_ || stream.connecting_) return;
    while (!stream.queue_.empty()) {
        const ssize_t n =
            ::send(stream.fd_.get(), stream.queue_.data(),
                   std::min<std::size_t>(stream.queue_.size(), 1U << 18U), MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR) stream.dead_ = true;
            return;
        }
        stream.queue_.erase(0, static_cast<std::size_t>(n));
    }
    if (stream.finishing_) stream.dead_ = true;
    if (stream.shutting_ && !stream.shut_) {
        ::shutdown(stream.fd_.get(), SHUT_WR);
        stream.shut_ = true;
    }
}

void StreamLoop::sweep() {
    // closed() may close others: until nothing changes.
    for (bool again = true; again;) {
        again = false;
        for (auto it = streams_.begin(); it != streams_.end();) {
            if (!it->second->dead_) {
                ++it;
                continue;
            }
            const std::unique_ptr<Stream> gone = std::move(it->second);
            it = streams_.erase(it);
            service_.closed(*gone);
            again = true;
        }
    }
}

Result<HostPort> HostPort::parse(std::string_view text) {
    const auto bad = [text] {
        return Error{Errc::bad_config, "'" + std::string(text) + "' is no address",
                     "host:port with a numeric host, e.g. 127.0.0.1:1883"};
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad();
    HostPort out;
    out.host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const char* last = digits.data() + digits.size();
    const auto [end, ec] = std::from_chars(digits.data(), last, out.port);
    if (ec != std::errc{} || end != last || out.port == 0) return bad();
    if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']') {
        out.host = out.host.substr(1, out.host.size() - 2);
    }
    if (out.host == "localhost") out.host = "127.0.0.1";
    if (!inet_address(out.host, out.port)) return bad();
    return out;
}

}  // namespace fog::sim
