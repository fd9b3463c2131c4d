#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "sim/app/commands.hpp"

namespace fog::sim {

struct StopSignals::Impl {
    sigset_t signals{};
    std::thread waiter;
    std::atomic<bool> ending{false};
    std::function<void()> stop;
};

StopSignals::StopSignals() : impl_(std::make_unique<Impl>()) {
    ::sigemptyset(&impl_->signals);
    ::sigaddset(&impl_->signals, SIGINT);
    ::sigaddset(&impl_->signals, SIGTERM);
    ::sigaddset(&impl_->signals, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &impl_->signals, nullptr);
}

void StopSignals::on_stop(std::function<void()> stop) {
    impl_->stop = std::move(stop);
    impl_->waiter = std::thread([impl = impl_.get()] {
        int signal = 0;
        // A second Ctrl-C is taken as well: stop() may be called again without harm.
        while (::sigwait(&impl->signals, &signal) == 0 && !impl->ending) impl->stop();
    });
}

StopSignals::~StopSignals() {
    if (!impl_->waiter.joinable()) return;
    impl_->ending = true;
    ::pthread_kill(impl_->waiter.native_handle(), SIGTERM);
    impl_->waiter.join();
}

}  // namespace fog::sim
