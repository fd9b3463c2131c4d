#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace fog {

/// The loop of thread fog-io: sockets through context(), work from other threads through post().
///
/// Threads: post() and stop() any; the rest on the loop's thread (before run(): the constructor's).
/// Blocks: only run(). Work must not block and must not throw.
class EventLoop {
public:
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Runs `work` on the loop, in the order posted. Unbounded: posters bound themselves.
    void post(std::function<void()> work);

    using TimerId = std::uint64_t;  // 0 = none
    TimerId after(std::chrono::nanoseconds delay, std::function<void()> work);
    TimerId every(std::chrono::nanoseconds period, std::function<void()> work);
    void cancel(TimerId timer);  // its work does not run any more

    /// Serves until stop(). Work posted and not run is dropped by the destructor.
    void run();
    void stop();

    void check() const;  // asserts that the caller is the loop's thread
    boost::asio::io_context& context();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog
