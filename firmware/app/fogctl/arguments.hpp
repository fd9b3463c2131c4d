#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "firmware/config/load.hpp"

namespace fog {

/// What was typed, checked as far as it can be without a daemon.
struct Arguments {
    std::string socket = "/run/fogline/control.sock";
    std::string url;    // instead of the socket
    std::string token;  // for `url`
    bool json = false;
    std::string verb;         // "status", "rules put" ...
    std::string id;           // of a rule, uplink or token
    std::string file;         // of a rule, or the path to check
    std::string folder;       // of a log
    std::uint64_t after = 0;  // sequence numbers of a dump; 0 = open
    std::uint64_t upto = 0;
    std::string device;
    bool strict = false;
    std::string name;
    std::vector<std::string> scopes;
    std::vector<std::string> subscribe;
    std::optional<std::int64_t> ttl;  // seconds
};

/// Nothing to do but print `text` and leave with `code`: help, version or a usage error.
struct Leave {
    Exit code = Exit::good;
    std::string text;
};

std::variant<Arguments, Leave> parse_arguments(const std::vector<std::string>& words);

}  // namespace fog
