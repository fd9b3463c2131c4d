#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fog {

/// syslog priorities; the journal reads the `<N>` prefix.
enum class LogLevel : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// One line `<N>area: message key=value` on stderr in one write. Any thread, never throws.
/// One line per state change, never per event at info level; secrets never.
void log(LogLevel level, std::string_view area, std::string_view message);
inline void log_error(std::string_view area, std::string_view message) {
    log(LogLevel::error, area, message);
}
inline void log_warning(std::string_view area, std::string_view message) {
    log(LogLevel::warning, area, message);
}
inline void log_notice(std::string_view area, std::string_view message) {
    log(LogLevel::notice, area, message);
}
inline void log_info(std::string_view area, std::string_view message) {
    log(LogLevel::info, area, message);
}
/// Least urgent level written; `info` at start.
void set_log_level(LogLevel level);

/// sd_notify(3) as one datagram to $NOTIFY_SOCKET; nothing without one.
void notify_supervisor(std::string_view state);

}  // namespace fog
