#include "sim/links/pty_port.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "firmware/io/files.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kMaxQueued = 64U << 10U;
constexpr std::size_t kChunk = 16;  // a UART's FIFO: what arrives at once on a real line

}  // namespace

PtyPort::PtyPort(std::filesystem::path link, unsigned baud) : link_(std::move(link)), baud_(baud) {}

PtyPort::~PtyPort() {
    unplug();
}

Result<void> PtyPort::open_pair(std::string& name) {
    const auto fail = [](const char* what) {
        return Error{Errc::unreachable, std::string(what) + ": " + errno_text(errno),
                     "is devpts mounted, and kernel.pty.max not reached?"};
    };
    Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!master) return fail("posix_openpt");
    if (::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) return fail("unlockpt");
    std::array<char, 128> text{};
    if (::ptsname_r(master.get(), text.data(), text.size()) != 0) return fail("ptsname");
    name = text.data();
    // Opened and closed once: raw from the start, and from now on the master tells by POLLHUP
    // that nobody listens.
    const Fd slave(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave) return fail(name.c_str());
    termios mode{};
    if (::tcgetattr(slave.get(), &mode) != 0) return fail("tcgetattr");
    ::cfmakeraw(&mode);
    if (::tcsetattr(slave.get(), TCSANOW, &mode) != 0) return fail("tcsetattr");
    master_ = std::move(master);
    return {};
}

Result<void> PtyPort::place_link(const std::string& name) const {
    if (auto made = make_folder(link_.parent_path()); !made) return std::move(made).error();
    const std::string beside = link_.string() + ".new";
    std::error_code ec;
    std::filesystem::remove(beside, ec);
    std::filesystem::create_symlink(name, beside, ec);
    if (!ec) std::filesystem::rename(beside, link_, ec);
    if (ec) return Error{Errc::storage_error, link_.string() + ": " + ec.message(), {}};
    return {};
}

Result<void> PtyPort::plug() {
    unplug();
    std::string name;
    if (auto opened = open_pair(name); !opened) return opened;
    if (auto placed = place_link(name); !placed) {
        master_.reset();
        return placed;
    }
    return {};
}

void PtyPort::unplug() {
    queue_.clear();
    line_free_ = {};
    if (!master_) return;
    std::error_code ignored;
    std::filesystem::remove(link_, ignored);
    master_.reset();
}

bool PtyPort::heard() const {
    if (!master_) return false;
    pollfd fd{master_.get(), POLLIN, 0};
    return ::poll(&fd, 1, 0) >= 0 && (fd.revents & POLLHUP) == 0;
}

std::chrono::nanoseconds PtyPort::line_time(std::size_t bytes) const {
    if (baud_ == 0) return {};
    return std::chrono::nanoseconds(10ULL * 1'000'000'000ULL * bytes / baud_);
}

bool PtyPort::send(std::span<const std::byte> bytes, MonoTime now) {
    if (!master_) return true;  // unplugged: gone, as on a cut cable
    if (queue_.size() + bytes.size() > kMaxQueued) return false;
    if (queue_.empty()) line_free_ = std::max(line_free_, now);
    queue_.insert(queue_.end(), bytes.begin(), bytes.end());
    return true;
}

MonoTime PtyPort::next_pump() const {
    if (queue_.empty() || !master_) return MonoTime::max();
    return line_free_ + line_time(std::min(kChunk, queue_.size()));
}

void PtyPort::pump(MonoTime now) {
    while (master_ && !queue_.empty()) {
        std::array<std::byte, 256> chunk{};
        std::size_t n = std::min(baud_ == 0 ? chunk.size() : kChunk, queue_.size());
        if (line_free_ + line_time(n) > now) return;  // the last of them is still on the line
        std::copy_n(queue_.begin(), n, chunk.begin());
        if (heard()) {
            const ssize_t written = ::write(master_.get(), chunk.data(), n);
            if (written < 0 && errno == EAGAIN) {
                line_free_ = now;  // the reader is slow: as with hardware flow control
                return;
            }
            if (written > 0) n = static_cast<std::size_t>(written);
        }
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
        line_free_ += line_time(n);
    }
}

Bytes PtyPort::receive() {
    Bytes out;
    std::array<std::byte, 1024> chunk{};
    while (master_ && out.size() < kMaxQueued) {
        const ssize_t n = ::read(master_.get(), chunk.data(), chunk.size());
        if (n <= 0) break;  // nothing there, or nobody has it open (EIO)
        out.insert(out.end(), chunk.begin(), chunk.begin() + n);
    }
    return out;
}

}  // namespace fog::sim
