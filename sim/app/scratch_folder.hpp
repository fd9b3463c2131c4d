#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace fog::sim {

/// A folder that is gone with this object; in memory where there is such a place. With `wanted`
/// that folder, which stays. An empty path(): none could be made.
class ScratchFolder {
public:
    explicit ScratchFolder(const std::filesystem::path& wanted = {}) : path_(wanted) {
        if (!path_.empty()) return;
        const bool shared = ::access("/dev/shm", W_OK) == 0;
        std::string name =
            (std::filesystem::path(shared ? "/dev/shm" : "/tmp") / "fogsim-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) return;
        path_ = name;
        mine_ = true;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        if (mine_) std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    bool mine_ = false;
};

}  // namespace fog::sim
