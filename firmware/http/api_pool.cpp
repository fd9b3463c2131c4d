#include "firmware/http/api_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace fog {

ApiPool::ApiPool(unsigned threads, std::size_t queued) : queue_("api", queued, Overflow::refuse) {
    for (unsigned i = 0; i < std::max(1U, threads); ++i) {
        threads_.emplace_back([this] {
            while (!queue_.closed() || queue_.counts().depth != 0) {
                if (auto job = queue_.pop(std::chrono::seconds(1))) (*job)();
            }
        });
        ::pthread_setname_np(threads_.back().native_handle(),
                             ("fog-api-" + std::to_string(i)).c_str());
    }
}

void ApiPool::join() {
    queue_.close();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

}  // namespace fog
