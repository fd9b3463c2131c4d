#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "firmware/config/load.hpp"
#include "firmware/core/result.hpp"
#include "firmware/http/router.hpp"
#include "firmware/io/event_loop.hpp"

namespace fog {

/// What a gateway that cannot start says, to people as a page and to programs as a problem.
struct Failure {
    std::vector<Fault> faults;
    std::filesystem::path config;
};
std::string failure_html(const Failure& failure);
std::string failure_json(const Failure& failure);
/// Answers everything with it (503); /livez 200.
void register_failure(Router& router, const Failure& failure);

/// Serves the failure page on the normal port until `good` says that it may be tried again (asked
/// once a second, on this thread) or stop() of the loop is called. Blocks: that long. Fails: as
/// HttpServer::listen().
Result<void> serve_failure(EventLoop& loop, const Config& config, const Failure& failure,
                           bool claimed, const std::filesystem::path& port_file,
                           const std::function<bool()>& good);

}  // namespace fog
