#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "firmware/core/bounded_queue.hpp"

namespace fog {

/// Threads fog-api-<n>: work that may read the disk.
/// Thread: run() any; the rest the owner's. Blocks: join() until running jobs end.
class ApiPool {
public:
    using Job = std::function<void()>;
    ApiPool(unsigned threads, std::size_t queued);
    ~ApiPool() { join(); }
    ApiPool(const ApiPool&) = delete;
    ApiPool& operator=(const ApiPool&) = delete;

    /// False = full or stopped; the job is dropped.
    [[nodiscard]] bool run(Job job) { return queue_.push(std::move(job)); }
    void join();
    QueueCounts counts() const { return queue_.counts(); }

private:
    BoundedQueue<Job> queue_;
    std::vector<std::thread> threads_;
};

}  // namespace fog
