#pragma once

#include <csignal>
#include <functional>
#include <thread>
#include <utility>

namespace fog {

/// SIGTERM, SIGINT and SIGHUP as calls on a thread of their own; blocked everywhere else.
class Signals {
public:
    Signals() {
        ::sigemptyset(&set_);
        for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set_, one);
        ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
        ::signal(SIGPIPE, SIG_IGN);
    }
    ~Signals() {
        if (!thread_.joinable()) return;
        ::pthread_kill(thread_.native_handle(), SIGUSR1);  // ends the thread
        thread_.join();
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    void start(std::function<void()> stop, std::function<void()> reload) {
        thread_ = std::thread([this, stop = std::move(stop), reload = std::move(reload)] {
            for (int got = 0; ::sigwait(&set_, &got) == 0;) {
                if (got == SIGUSR1) return;
                if (got == SIGHUP) {
                    reload();
                    continue;
                }
                stop();
                return;
            }
        });
    }

private:
    sigset_t set_{};
    std::thread thread_;
};

}  // namespace fog
