#include "firmware/io/serial_baud.hpp"

// The kernel's own header: it has termios2, and cannot be in one file with <termios.h>.
#include <asm/termbits.h>
#include <sys/ioctl.h>

namespace fog {

bool set_any_baud(int fd, std::uint32_t baud) {
    struct termios2 now {};
    if (::ioctl(fd, TCGETS2, &now) != 0) return false;
    now.c_cflag &= ~static_cast<tcflag_t>(CBAUD | (static_cast<tcflag_t>(CBAUD) << IBSHIFT));
    now.c_cflag |= BOTHER | (static_cast<tcflag_t>(BOTHER) << IBSHIFT);
    now.c_ispeed = now.c_ospeed = baud;
    return ::ioctl(fd, TCSETS2, &now) == 0;
}

std::uint32_t baud_of(int fd) {
    struct termios2 now {};
    return ::ioctl(fd, TCGETS2, &now) == 0 ? now.c_ospeed : 0;
}

}  // namespace fog
