#pragma once

#include <cstdint>

namespace fog {

/// Sets the speed of an open terminal, whatever the number; Asio and termios know only the named
/// ones. False with errno if the device refuses.
bool set_any_baud(int fd, std::uint32_t baud);
/// The speed that is set; 0 if the device does not say.
std::uint32_t baud_of(int fd);

}  // namespace fog
