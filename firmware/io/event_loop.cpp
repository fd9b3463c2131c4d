#include "firmware/io/event_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <utility>

#include "firmware/core/thread_owned.hpp"

namespace fog {

namespace asio = boost::asio;

struct EventLoop::Impl {
    struct Timer {
        explicit Timer(asio::io_context& io) : alarm(io) {}
        asio::steady_timer alarm;
        std::chrono::nanoseconds period{};  // 0 = once
        std::function<void()> work;
    };

    void arm(TimerId id, Timer& timer) {
        timer.alarm.async_wait([this, id](boost::system::error_code ec) {
            if (!ec) fire(id);
        });
    }

    void fire(TimerId id) {
        const auto found = timers.find(id);
        if (found == timers.end()) return;
        const auto timer = found->second;  // the work may cancel its own timer
        if (timer->period.count() == 0) {
            timers.erase(found);
            return timer->work();
        }
        timer->alarm.expires_after(timer->period);
        arm(id, *timer);
        timer->work();
    }

    TimerId add(std::chrono::nanoseconds delay, std::chrono::nanoseconds period,
                std::function<void()> work) {
        const TimerId id = ++last_timer;
        auto timer = std::make_shared<Timer>(io);
        timer->period = period;
        timer->work = std::move(work);
        timer->alarm.expires_after(delay);
        arm(id, *timer);
        timers.emplace(id, std::move(timer));
        return id;
    }

    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy{io.get_executor()};
    std::unordered_map<TimerId, std::shared_ptr<Timer>> timers;
    TimerId last_timer = 0;
    ThreadOwned thread;
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::post(std::function<void()> work) {
    asio::post(impl_->io, std::move(work));
}

EventLoop::TimerId EventLoop::after(std::chrono::nanoseconds delay, std::function<void()> work) {
    check();
    return impl_->add(delay, {}, std::move(work));
}

EventLoop::TimerId EventLoop::every(std::chrono::nanoseconds period, std::function<void()> work) {
    check();
    return impl_->add(period, period, std::move(work));
}

void EventLoop::cancel(TimerId timer) {
    check();
    impl_->timers.erase(timer);
}

void EventLoop::run() {
    impl_->thread.bind();
    impl_->io.run();
}

void EventLoop::stop() {
    impl_->io.stop();
}
void EventLoop::check() const {
    impl_->thread.check();
}
asio::io_context& EventLoop::context() {
    return impl_->io;
}

}  // namespace fog
