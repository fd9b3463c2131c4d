#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "firmware/core/log_access.hpp"
#include "firmware/store/log_reader.hpp"
#include "firmware/store/store_queue.hpp"

namespace fog {

/// The door between the store and an open SinkLog, for what the store has to tell it.
struct SinkDoor {
    std::atomic<bool> woken{false};
    std::atomic<bool> removed{false};
    std::mutex mutex;
    std::vector<std::pair<Lane, Seq>> reopened;  // owed again
};

/// SinkLog over the log's tables. See core/log_access.hpp for thread and blocking.
Result<std::unique_ptr<SinkLog>> open_sink_log(const std::filesystem::path& path,
                                               const SinkAccount& account,
                                               std::shared_ptr<Published> published,
                                               std::shared_ptr<StoreQueue> queue,
                                               std::shared_ptr<SinkDoor> door);

}  // namespace fog
