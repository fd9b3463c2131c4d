#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

namespace fog {

/// A pseudo terminal in raw mode: the test is the device at its far end.
class Pty {
public:
    Pty() {
        int slave = -1;
        struct termios raw {};
        ::cfmakeraw(&raw);
        raw.c_cflag |= CREAD | CLOCAL;
        if (::openpty(&master_, &slave, nullptr, &raw, nullptr) != 0) std::abort();
        char name[64];
        if (::ttyname_r(slave, name, sizeof name) != 0) std::abort();
        path_ = name;
        ::close(slave);
        ::fcntl(master_, F_SETFL, O_NONBLOCK);
        ::fcntl(master_, F_SETFD, FD_CLOEXEC);
    }
    ~Pty() { close(); }
    Pty(const Pty&) = delete;
    Pty& operator=(const Pty&) = delete;

    const std::string& path() const { return path_; }

    /// Unplugs it.
    void close() {
        if (master_ >= 0) ::close(master_);
        master_ = -1;
    }

    /// All of it, within five seconds; false otherwise.
    bool write(std::string_view text) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        while (!text.empty() && std::chrono::steady_clock::now() < deadline) {
            const ssize_t put = ::write(master_, text.data(), text.size());
            if (put > 0)
                text.remove_prefix(static_cast<std::size_t>(put));
            else
                wait(POLLOUT);
        }
        return text.empty();
    }

    /// What fits at once, perhaps nothing.
    std::size_t write_now(std::string_view text) {
        const ssize_t put = ::write(master_, text.data(), text.size());
        return put > 0 ? static_cast<std::size_t>(put) : 0;
    }

    /// At least `least` bytes, or what came within five seconds.
    std::string read(std::size_t least) {
        std::string all;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        while (all.size() < least && std::chrono::steady_clock::now() < deadline) {
            wait(POLLIN);
            all += read_now();
        }
        return all;
    }

    /// What is there, perhaps nothing.
    std::string read_now() {
        char buffer[4096];
        const ssize_t got = ::read(master_, buffer, sizeof buffer);
        return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
    }

private:
    void wait(short events) const {
        struct pollfd one {
            master_, events, 0
        };
        ::poll(&one, 1, 20);
        // With nobody at the other end poll() returns at once; that is no reason to spin.
        if ((one.revents & POLLHUP) != 0) ::poll(nullptr, 0, 1);
    }

    int master_ = -1;
    std::string path_;
};

}  // namespace fog
