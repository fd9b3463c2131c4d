#include "sim/links/mqtt_intruder.hpp"

#include <pthread.h>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

MqttOptions without_will(MqttOptions options) {
    options.will_topic.clear();
    return options;
}

}  // namespace

MqttIntruder::MqttIntruder(MqttOptions options, std::chrono::nanoseconds every)
    : every_(every),
      nudges_("sim-clash", 1, Overflow::drop_oldest),
      client_(without_will(std::move(options)), {}),
      thread_([this] { run(); }) {
    pthread_setname_np(thread_.native_handle(), "fog-sim-clash");
}

MqttIntruder::~MqttIntruder() {
    stopping_ = true;
    client_.interrupt();
    nudges_.close();
    thread_.join();
}

void MqttIntruder::run() {
    while (!stopping_) {
        // Whether it succeeds does not matter: it tries again.
        const bool in = client_.connect(3s).has_value();
        (void)nudges_.pop(every_);
        if (in && !stopping_) client_.disconnect(200ms);
    }
    client_.disconnect(200ms);
}

}  // namespace fog::sim
