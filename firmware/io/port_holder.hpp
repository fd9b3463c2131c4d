#pragma once

#include <cstdint>
#include <string>

namespace fog {

/// The program that listens on a TCP port of this machine: "mosquitto (pid 812)". Empty: nobody, or
/// a process this user may not look into. Reads /proc; for messages to people.
std::string port_holder(std::uint16_t port);

}  // namespace fog
