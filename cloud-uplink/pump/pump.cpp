#include "cloud-uplink/pump/pump.hpp"

#include <pthread.h>

#include <atomic>
#include <thread>
#include <utility>

#include "cloud-uplink/pump/engine.hpp"
#include "firmware/core/bounded_queue.hpp"

namespace fog {

struct Pump::Impl {
    Impl(std::string name, std::string type, std::unique_ptr<Sink> end, const PumpOptions& options,
         const Site& site)
        : id(std::move(name)),
          sink(std::move(end)),
          log(site.log),
          changed(site.changed),
          engine(id, std::move(type), *sink, options, site, orders) {
        engine.changed = [this](const PumpStatus& status) { publish(status); };
        publish(engine.status());
    }

    void publish(const PumpStatus& status) {
        std::atomic_store(&shown, std::make_shared<const PumpStatus>(status));
        if (started && changed) changed(status);
    }

    void run() {
        pthread_setname_np(pthread_self(), ("fog-up-" + id).substr(0, 15).c_str());
        engine.bind();
        while (!orders.stop.load()) engine.step();
        engine.shut(PumpState::stopped, "stopped");
        (void)ended.push(true);
    }

    void order(std::atomic<bool>& flag, bool value) {
        flag.store(value);
        if (&flag != &orders.retry && value) sink->interrupt();
        log.wake();
    }

    const std::string id;
    const std::unique_ptr<Sink> sink;
    SinkLog& log;
    std::function<void(const PumpStatus&)> changed;
    PumpOrders orders;
    Engine engine;
    std::shared_ptr<const PumpStatus> shown;  // by atomic_load and atomic_store only
    BoundedQueue<bool> ended{"uplink-ended", 1, Overflow::refuse};
    bool started = false;
    std::thread thread;
};

Pump::Pump(std::string id, std::string type, std::unique_ptr<Sink> sink, PumpOptions options,
           const Site& site)
    : impl_(
          std::make_unique<Impl>(std::move(id), std::move(type), std::move(sink), options, site)) {}

Pump::~Pump() {
    if (!impl_->thread.joinable()) return;
    impl_->order(impl_->orders.stop, true);
    impl_->thread.join();
}

void Pump::start() {
    if (std::exchange(impl_->started, true)) return;
    impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

bool Pump::stop(std::chrono::milliseconds within) {
    if (!impl_->thread.joinable()) return true;
    impl_->order(impl_->orders.stop, true);
    if (!impl_->ended.pop(within)) return false;
    impl_->thread.join();
    return true;
}

void Pump::pause() {
    impl_->order(impl_->orders.pause, true);
}
void Pump::resume() {
    impl_->order(impl_->orders.pause, false);
}
void Pump::retry_now() {
    impl_->order(impl_->orders.retry, true);
}

PumpStatus Pump::status() const {
    PumpStatus status = *std::atomic_load(&impl_->shown);
    impl_->engine.count(status);
    return status;
}
const std::string& Pump::id() const {
    return impl_->id;
}

}  // namespace fog
