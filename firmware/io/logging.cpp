#include "firmware/io/logging.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "firmware/io/fd.hpp"

namespace fog {
namespace {
std::atomic<int> least_urgent{static_cast<int>(LogLevel::info)};
}

void log(LogLevel level, std::string_view area, std::string_view message) {
    if (static_cast<int>(level) > least_urgent.load(std::memory_order_relaxed)) return;
    std::string line;
    line.reserve(area.size() + message.size() + 8);
    line += '<';
    line += static_cast<char>('0' + static_cast<int>(level));
    line += '>';
    line += area;
    line += ": ";
    for (const char c : message) line += (c == '\n' || c == '\r') ? ' ' : c;
    line += '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

void set_log_level(LogLevel level) {
    least_urgent = static_cast<int>(level);
}

void notify_supervisor(std::string_view state) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment after start
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
    std::memcpy(address.sun_path, path, std::strlen(path));
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace fog
