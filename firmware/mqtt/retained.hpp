#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/mqtt/encode.hpp"

namespace fog::mqtt {

/// The retained message of each topic, in memory: a restart forgets them.
/// Thread: its owner's. Bounded by Limits; what has expired goes when it is looked at or swept.
class Retained {
public:
    explicit Retained(const Limits& limits) : limits_(limits) {}

    /// Keeps the message under its topic, or removes what is there if its payload is empty.
    /// False: full, nothing has changed.
    [[nodiscard]] bool set(const MessagePtr& message);
    /// Whether set() would take it.
    bool takes(const MessagePtr& message) const;
    /// Those whose topic matches, in order of topics, after topic `after`, at most `most`; the
    /// topic to go on after, empty at the end.
    std::string visit(std::string_view filter, const std::string& after, std::size_t most,
                      MonoTime now, const std::function<void(const MessagePtr&)>& each) const;
    void sweep(MonoTime now);
    std::size_t size() const { return by_topic_.size(); }
    std::size_t bytes() const { return bytes_; }

private:
    const Limits& limits_;
    std::map<std::string, MessagePtr, std::less<>> by_topic_;
    std::size_t bytes_ = 0;
};

}  // namespace fog::mqtt
