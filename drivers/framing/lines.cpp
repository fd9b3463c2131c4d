#include "drivers/framing/lines.hpp"

#include <utility>

namespace fog {

LineSplitter::LineSplitter(LineFraming framing) : framing_(std::move(framing)) {
    clear();
}

void LineSplitter::clear() {
    held_.clear();
    seen_ = 0;
    too_long_ = false;
    inside_ = framing_.kind != LineFraming::Kind::start_end;
}

void LineSplitter::feed(std::span<const std::byte> bytes, const Sink& sink) {
    for (const std::byte byte : bytes) feed_byte(static_cast<char>(byte), sink);
}

void LineSplitter::reset(const Sink& sink) {
    if (seen_ > 0) sink.drop(Drop::half, seen_);
    clear();
}

bool LineSplitter::ends_with(std::string_view mark) const {
    return std::string_view(held_).ends_with(mark);
}

void LineSplitter::feed_byte(char byte, const Sink& sink) {
    const bool marked = framing_.kind == LineFraming::Kind::start_end;
    const std::string& end = marked ? framing_.end : framing_.delimiter;
    ++seen_;
    held_.push_back(byte);
    if (framing_.kind == LineFraming::Kind::length) {
        if (held_.size() == framing_.length) finish(0, sink);
        return;
    }
    if (marked && ends_with(framing_.start) && (!inside_ || framing_.start != end)) {
        // A start inside a piece: the end was lost, the new piece counts.
        const std::size_t before = seen_ - framing_.start.size();
        if (before > 0) sink.drop(inside_ && too_long_ ? Drop::oversized : Drop::outside, before);
        clear();
        inside_ = true;
        seen_ = framing_.start.size();
        return;
    }
    if (!inside_) {
        if (held_.size() > framing_.start.size()) held_.erase(0, 1);
        // Nothing is known to be a piece yet: report as we go, all but a possible half start mark.
        if (seen_ > held_.size()) {
            sink.drop(Drop::outside, seen_ - held_.size());
            seen_ = held_.size();
        }
        return;
    }
    if (ends_with(end)) {
        finish(end.size(), sink);
        return;
    }
    if (held_.size() >= framing_.max_len + end.size()) {
        too_long_ = true;
        held_.erase(0, held_.size() - end.size() + 1);  // enough to see the delimiter
    }
}

void LineSplitter::finish(std::size_t delimiter_bytes, const Sink& sink) {
    const bool too_long = too_long_;
    const std::size_t wire_bytes = seen_;
    std::string_view piece(held_);
    piece.remove_suffix(delimiter_bytes);
    if (framing_.kind == LineFraming::Kind::delimiter && framing_.delimiter == "\n" &&
        piece.ends_with('\r'))
        piece.remove_suffix(1);
    if (too_long)
        sink.drop(Drop::oversized, wire_bytes);
    else if (piece.empty())
        sink.drop(Drop::outside, wire_bytes);
    else
        sink.piece(piece, wire_bytes);
    clear();
}

}  // namespace fog
