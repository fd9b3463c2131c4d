#include <sys/eventfd.h>

#include <cstdint>

#include "sim/links/carrier.hpp"

namespace fog::sim {

Wake::Wake() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wake::signal() const {
    const std::uint64_t one = 1;
    // A full counter wakes as well, so the result does not matter.
    [[maybe_unused]] const ssize_t n = ::write(fd_.get(), &one, sizeof one);
}

void Wake::clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(fd_.get(), &count, sizeof count);
}

}  // namespace fog::sim
