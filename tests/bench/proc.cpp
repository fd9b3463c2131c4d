#include "tests/bench/proc.hpp"

#include <signal.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fog::bench {
namespace {

double status_kib(const std::string& text, const std::string& key) {
    const auto at = text.find(key + ":");
    return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + key.size() + 1, nullptr);
}

}  // namespace

WorkFolder::WorkFolder(const std::filesystem::path& below) {
    std::string name = (below / "fogbench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) fail("cannot make a folder in " + below.string());
    path_ = name;
}

WorkFolder::~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string read_text(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

Resident resident(pid_t pid) {
    const std::string text = read_text("/proc/" + std::to_string(pid) + "/status");
    return {status_kib(text, "VmRSS"), status_kib(text, "RssAnon"), status_kib(text, "RssShmem")};
}

std::uint64_t cpu_ns(pid_t pid, bool all_threads) {
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    const auto of = [&](const std::filesystem::path& task) {
        return std::strtoull(read_text(task / "schedstat").c_str(), nullptr, 10);
    };
    if (!all_threads) return of(tasks / std::to_string(pid));
    std::uint64_t sum = 0;
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator(tasks, gone))
        sum += of(task.path());
    return sum;
}

std::uint64_t io_of(pid_t pid, const char* key) {
    const std::string text = read_text("/proc/" + std::to_string(pid) + "/io");
    const auto at = text.find(std::string(key) + ":");
    if (at == std::string::npos) return 0;
    return std::strtoull(text.c_str() + at + std::string_view(key).size() + 1, nullptr, 10);
}

bool on_tmpfs(const std::filesystem::path& path) {
    constexpr long kTmpfs = 0x01021994;
    struct statfs where {};
    return ::statfs(path.c_str(), &where) == 0 && where.f_type == kTmpfs;
}

std::int64_t now_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

void sleep_us(std::int64_t us) {
    if (us <= 0) return;
    timespec wait{us / 1'000'000, us % 1'000'000 * 1000};
    ::nanosleep(&wait, nullptr);
}

void end_process(pid_t pid) {
    if (pid <= 0) return;
    ::kill(pid, SIGTERM);
    const std::int64_t until = now_us() + 8'000'000;
    while (now_us() < until) {
        if (::waitpid(pid, nullptr, WNOHANG) != 0) return;
        sleep_us(2'000);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

void fail(const std::string& why) {
    throw std::runtime_error(why);
}

}  // namespace fog::bench
