#pragma once

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <thread>

namespace fog {

/// A real HTTP server on a Unix socket or a free TCP port of loopback, for tests of clients.
/// Routes are added to `server` before start().
class FakeHttp {
public:
    httplib::Server server;

    void start_unix(const std::string& path) {
        server.set_address_family(AF_UNIX);
        server.bind_to_port(path, 80);
        run();
    }
    int start_tcp() {
        const int port = server.bind_to_any_port("127.0.0.1");
        run();
        return port;
    }
    ~FakeHttp() {
        if (!thread_.joinable()) return;
        while (!server.is_running() && !ended_) std::this_thread::yield();
        server.stop();
        thread_.join();
    }

private:
    void run() {
        thread_ = std::thread([this] {
            server.listen_after_bind();
            ended_ = true;
        });
    }
    std::thread thread_;
    std::atomic<bool> ended_{false};
};

}  // namespace fog
