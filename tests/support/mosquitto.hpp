#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_folder.hpp"

namespace fog {

/// A loopback port nobody uses at the moment.
inline std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    const bool ok = ::bind(fd, any, size) == 0 && ::getsockname(fd, any, &size) == 0;
    ::close(fd);
    if (!ok) throw std::runtime_error("no free loopback port");
    return ntohs(address.sin_port);
}

/// Whether somebody accepts connections to an IPv4 address.
inline bool port_open(const char* ip, std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    const bool ok = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return ok;
}

/// Runs a program to its end; its exit code, or -1.
inline int run_program(std::vector<std::string> words) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        ::dup2(null, 0), ::dup2(null, 1), ::dup2(null, 2);
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

struct MosquittoOptions {
    std::string user{}, password{};                  // set: anonymous clients are refused
    std::string ca_file{}, cert_file{}, key_file{};  // cert_file set: the port speaks TLS
    bool require_certificate = false;                // of clients
    bool persistence = false;          // sessions and messages survive a clean restart
    std::vector<std::string> extra{};  // more configuration lines
};

/// A real Mosquitto on a free loopback port, in a folder of its own, ended with this object.
/// Throws when it is installed and yet does not come up. Blocks: start() and stop(), ≤ 10 s.
class Mosquitto {
public:
    /// False: the broker is not installed, and the test should say that it is skipped.
    static bool available() { return !program().empty(); }

    explicit Mosquitto(MosquittoOptions options = {}) : options_(std::move(options)) {
        // Another process may take the port between asking and listening: try a few.
        for (int attempt = 0; attempt < 5; ++attempt) {
            port_ = free_port();
            write_config();
            if (try_start()) return;
        }
        throw std::runtime_error("mosquitto does not start:\n" + log_text());
    }
    ~Mosquitto() { kill(); }
    Mosquitto(const Mosquitto&) = delete;
    Mosquitto& operator=(const Mosquitto&) = delete;

    std::uint16_t port() const { return port_; }
    pid_t pid() const { return pid_; }
    const std::filesystem::path& folder() const { return folder_.path(); }
    std::string url() const {
        return (options_.cert_file.empty() ? "mqtt://127.0.0.1:" : "mqtts://localhost:") +
               std::to_string(port_);
    }

    void start() {
        if (pid_ < 0 && !try_start())
            throw std::runtime_error("mosquitto does not start again:\n" + log_text());
    }
    /// Ends it politely: sessions are written down where persistence is on.
    void stop() { end(SIGTERM); }
    void kill() { end(SIGKILL); }
    void restart() {
        stop();
        start();
    }
    /// Stops it where it stands: connections stay open and nothing answers.
    void freeze() { ::kill(pid_, SIGSTOP); }
    void thaw() { ::kill(pid_, SIGCONT); }

    std::string log_text() const {
        std::ifstream file(folder_.path() / "mosquitto.log");
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    static std::string program() {
        for (const char* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto",
                                 "/usr/bin/mosquitto", "/usr/local/bin/mosquitto"})
            if (::access(path, X_OK) == 0) return path;
        return {};
    }

    void write_config() {
        const auto& dir = folder_.path();
        std::ofstream out(dir / "mosquitto.conf");
        if (::geteuid() == 0) out << "user root\n";  // else it drops to a user who cannot read here
        out << "listener " << port_ << " 127.0.0.1\n";
        if (!options_.cert_file.empty())
            out << "certfile " << options_.cert_file << "\nkeyfile " << options_.key_file << "\n";
        if (!options_.ca_file.empty()) out << "cafile " << options_.ca_file << "\n";
        if (options_.require_certificate) out << "require_certificate true\n";
        if (options_.user.empty()) {
            out << "allow_anonymous true\n";
        } else {
            const auto file = (dir / "passwords").string();
            run_program({"mosquitto_passwd", "-b", "-c", file, options_.user, options_.password});
            out << "allow_anonymous false\npassword_file " << file << "\n";
        }
        out << "log_dest file " << (dir / "mosquitto.log").string() << "\n";
        if (options_.persistence)
            out << "persistence true\npersistence_location " << dir.string() << "/\n";
        out << "max_queued_messages 0\nmax_inflight_messages 1000\n";
        for (const auto& line : options_.extra) out << line << "\n";
    }

    bool try_start() {
        const std::string binary = program();
        const std::string config = (folder_.path() / "mosquitto.conf").string();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            ::dup2(null, 0), ::dup2(null, 1), ::dup2(null, 2);
            ::execl(binary.c_str(), binary.c_str(), "-c", config.c_str(), nullptr);
            ::_exit(127);
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < deadline) {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
                pid_ = -1;
                return false;
            }
            if (accepts()) return true;
            ::poll(nullptr, 0, 5);
        }
        kill();
        return false;
    }

    bool accepts() const { return port_open("127.0.0.1", port_); }

    void end(int signal) {
        if (pid_ < 0) return;
        ::kill(pid_, SIGCONT);
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

    MosquittoOptions options_;
    TempFolder folder_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

}  // namespace fog
