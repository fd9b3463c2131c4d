#pragma once

#include <chrono>
#include <filesystem>

#include "firmware/io/fd.hpp"

namespace fog {

/// Notices that the name of a port appears or changes: inotify on its folder, or on the nearest
/// folder above that exists. Thread: one owner.
class PortWatch {
public:
    explicit PortWatch(const std::filesystem::path& port);
    /// True as soon as something happened to the name, false after `at_most`. Blocks until then.
    bool wait(std::chrono::milliseconds at_most);

private:
    Fd inotify_;
    std::string name_;  // of the next part of the path in the watched folder
};

}  // namespace fog
