#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "firmware/config/load.hpp"

namespace fog {

struct DaemonOptions {
    std::filesystem::path config = "/etc/fogline/fogline.toml";
    std::filesystem::path state = "/var/lib/fogline";
    std::filesystem::path runtime = "/run/fogline";
    std::vector<std::string> sets;  // "http.port=0"
    bool strict = false;            // a broken configuration ends the program in any case
    std::filesystem::path ui;       // serves this folder instead of the embedded page
};

/// Runs the gateway until SIGTERM or SIGINT; the exit code. Under a service manager (NOTIFY_SOCKET)
/// a broken configuration is told on the normal port until it is corrected, unless `strict`. Blocks
/// the calling thread, which becomes fog-io.
Exit run_daemon(const DaemonOptions& options);

}  // namespace fog
