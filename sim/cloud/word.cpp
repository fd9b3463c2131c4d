#include "sim/cloud/word.hpp"

#include <deque>
#include <unordered_map>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

struct Pool {
    std::deque<std::string> texts = {""};
    std::unordered_map<std::string_view, std::uint32_t> places = {{texts.front(), 0}};
};

Pool& pool() {
    static thread_local Pool words;
    return words;
}

}  // namespace

Word::Word(std::string_view text) {
    Pool& words = pool();
    const auto found = words.places.find(text);
    if (found != words.places.end()) {
        index_ = found->second;
        return;
    }
    index_ = static_cast<std::uint32_t>(words.texts.size());
    words.places.emplace(words.texts.emplace_back(text), index_);
}

const std::string& Word::text() const {
    return pool().texts[index_];
}

Moment::Moment(std::string_view text) {
    if (text.empty()) return;
    const auto time = parse_rfc3339(text);
    usual_ = time && to_rfc3339(*time) == text;
    if (usual_) {
        ns_ = time->time_since_epoch().count();
    } else {
        other_ = text;
    }
}

std::string Moment::text() const {
    return usual_ ? to_rfc3339(WallTime{std::chrono::nanoseconds{ns_}}) : other_.text();
}

std::optional<WallTime> Moment::wall() const {
    if (usual_) return WallTime{std::chrono::nanoseconds{ns_}};
    return parse_rfc3339(other_);
}

}  // namespace fog::sim
