#include "firmware/app/fogctl/sse_reader.hpp"

namespace fog {
namespace {
constexpr std::size_t kMostBytes = 1U << 20U;
}

bool SseReader::feed(std::string_view bytes, const std::function<bool(const Event&)>& take) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (partial_.size() + piece.size() > kMostBytes) {
            too_large_ = true;
            partial_.clear();
        } else {
            partial_ += piece;
        }
        if (end == std::string_view::npos) return true;
        bytes.remove_prefix(end + 1);
        std::string whole;
        whole.swap(partial_);
        if (!whole.empty() && whole.back() == '\r') whole.pop_back();
        if (!line(whole, take)) return false;
    }
    return true;
}

bool SseReader::line(std::string_view text, const std::function<bool(const Event&)>& take) {
    if (text.empty()) {
        Event done;
        std::swap(done, event_);
        const bool skip = too_large_;
        if (skip) ++left_out_;
        too_large_ = false;
        return skip || done.data.empty() || take(done);
    }
    const std::size_t colon = text.find(':');
    if (colon == 0) return true;  // a comment: the tick
    const std::string_view field = text.substr(0, colon);
    std::string_view value =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
        if (!event_.data.empty()) event_.data += '\n';
        if (event_.data.size() + value.size() > kMostBytes)
            too_large_ = true;
        else
            event_.data += value;
    } else if (field == "event") {
        event_.name = value;
    } else if (field == "id") {
        event_.id = value;
    }
    return true;
}

}  // namespace fog
