#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace fog::bench {

/// A folder of its own, gone with it.
class WorkFolder {
public:
    explicit WorkFolder(const std::filesystem::path& below);
    ~WorkFolder();
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Resident memory of a process in KiB, of /proc/PID/status.
struct Resident {
    double all = 0;           // VmRSS
    double private_part = 0;  // RssAnon
    double shared = 0;        // RssShmem
};
Resident resident(pid_t pid);

/// CPU time of a process' first thread, or of all its present threads, in ns.
std::uint64_t cpu_ns(pid_t pid, bool all_threads);
/// A line `key: value` of /proc/PID/io.
std::uint64_t io_of(pid_t pid, const char* key);
bool on_tmpfs(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);
std::int64_t now_us();  // CLOCK_MONOTONIC, the same in every process
void sleep_us(std::int64_t us);
/// Ends a process this program started and waits for it.
void end_process(pid_t pid);
[[noreturn]] void fail(const std::string& why);

}  // namespace fog::bench
