#include "drivers/link/port_watch.hpp"

#include <poll.h>
#include <sys/inotify.h>

#include <array>
#include <cstring>

namespace fog {

PortWatch::PortWatch(const std::filesystem::path& port)
    : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    std::filesystem::path name = port;
    std::filesystem::path folder = port.parent_path();
    std::error_code ignored;
    while (folder.has_relative_path() && !std::filesystem::is_directory(folder, ignored)) {
        name = folder;
        folder = folder.parent_path();
    }
    name_ = name.filename().string();
    // IN_ATTRIB: udev gives the permissions a moment after the node.
    ::inotify_add_watch(inotify_.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
}

bool PortWatch::wait(std::chrono::milliseconds at_most) {
    struct pollfd one {
        inotify_.get(), POLLIN, 0
    };
    // Without inotify (its limits are reached) this is a plain wait, and the retries do the work.
    if (::poll(&one, 1, static_cast<int>(at_most.count())) <= 0) return false;
    alignas(struct inotify_event) std::array<char, 4096> buffer{};
    const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
    bool ours = false;
    for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(struct inotify_event)) <= got;) {
        struct inotify_event event {};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = buffer.data() + at + sizeof event;
        // An overflow of the queue hides names: better look once too often.
        if ((event.mask & IN_Q_OVERFLOW) != 0 || (event.len > 0 && name_ == name)) ours = true;
        at += static_cast<ssize_t>(sizeof event + event.len);
    }
    return ours;
}

}  // namespace fog
