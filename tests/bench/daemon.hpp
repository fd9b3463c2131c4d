#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "firmware/io/fd.hpp"
#include "tests/bench/proc.hpp"

namespace fog::bench {

/// A connection that asks one thing after the other. Blocks.
class HttpTalk {
public:
    explicit HttpTalk(const std::filesystem::path& socket);
    explicit HttpTalk(std::uint16_t port);
    /// Sends a request and gives the body of the answer; fails when it is no 2xx.
    std::string post(std::string_view target, std::string_view body);
    /// Opens a stream and waits for the head of its answer.
    void open_stream(std::string_view target, std::string_view token);
    /// Reads until `text` was seen after the last wait; fails after 10 s.
    void wait_for(std::string_view text);
    bool connected() const { return connected_; }

private:
    void write(std::string_view bytes);
    void read_some(std::int64_t until);
    Fd fd_;
    std::string got_;
    bool connected_ = false;
};

/// A real foglined over a folder of its own: claimed once, then started as often as wanted.
class Daemon {
public:
    Daemon(const std::filesystem::path& program, const std::filesystem::path& below);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    void start();  // returns when it answers on its port
    void stop();
    void configure(std::string_view more) const;  // lines of the main file; before start()
    void add_rule(const std::string& id, std::string_view toml);  // before start()
    pid_t pid() const { return pid_; }
    std::uint16_t port() const { return port_; }
    std::uint16_t mqtt_port() const;  // of the listener; waits for it
    const std::string& token() const { return token_; }
    std::filesystem::path control() const { return runtime_.path() / "control.sock"; }

private:
    WorkFolder folder_;
    WorkFolder runtime_;  // the ingest ring belongs on tmpfs
    std::filesystem::path program_;
    std::string token_;
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace fog::bench
