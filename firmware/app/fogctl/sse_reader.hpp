#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace fog {

/// Takes an event stream apart: any split of the bytes gives the same events. Bounded: an event
/// over 1 MiB is left out and counted. Pure.
class SseReader {
public:
    struct Event {
        std::string name;
        std::string id;
        std::string data;
    };
    /// Calls `take` for each whole event with data; stops early when it returns false.
    bool feed(std::string_view bytes, const std::function<bool(const Event&)>& take);
    std::size_t left_out() const { return left_out_; }

private:
    bool line(std::string_view text, const std::function<bool(const Event&)>& take);

    std::string partial_;
    Event event_;
    bool too_large_ = false;
    std::size_t left_out_ = 0;
};

}  // namespace fog
