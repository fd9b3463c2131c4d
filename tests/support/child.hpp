#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fog {

/// Asks until the answer is true or the time is up; the last answer.
template <class Ask>
bool eventually(Ask ask, std::chrono::milliseconds within = std::chrono::seconds(15)) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    while (!ask()) {
        if (std::chrono::steady_clock::now() >= deadline) return ask();
        ::poll(nullptr, 0, 10);
    }
    return true;
}

inline std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A program of the test's own, ended with this object; what it prints goes to the file `output`.
/// Thread: the one that made it (the child dies with that thread).
class Child {
public:
    Child() = default;
    Child(std::vector<std::string> words, const std::filesystem::path& output) {
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork: no more processes");
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        const int null = ::open("/dev/null", O_RDONLY);
        ::dup2(null, 0), ::dup2(out, 1), ::dup2(out, 2);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    Child(Child&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), code_(std::exchange(other.code_, std::nullopt)) {}
    Child& operator=(Child&& other) noexcept {
        std::swap(pid_, other.pid_), std::swap(code_, other.code_);
        return *this;
    }
    ~Child() { kill9(); }

    pid_t pid() const { return pid_; }
    void signal(int number) const {
        if (pid_ > 0) ::kill(pid_, number);
    }
    bool running() { return pid_ > 0 && !reap(WNOHANG); }
    /// The exit code, 128 + signal, or nothing if it still runs after `within`.
    std::optional<int> wait(std::chrono::milliseconds within = std::chrono::seconds(15)) {
        eventually([this] { return !running(); }, within);
        return pid_ > 0 ? std::nullopt : code_;
    }
    void kill9() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        reap(0);
    }

private:
    bool reap(int how) {
        int status = 0;
        if (::waitpid(pid_, &status, how) != pid_) return false;
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        pid_ = -1;
        return true;
    }

    pid_t pid_ = -1;
    std::optional<int> code_;
};

}  // namespace fog
