#pragma once

#include <cstddef>
#include <deque>

#include "firmware/push/frame.hpp"

namespace fog {

/// The newest records in order, at most so many bytes: where resuming clients look first.
class FrameRing {
public:
    explicit FrameRing(std::size_t bytes) : most_(bytes) {}

    void push(FramePtr frame) {
        bytes_ += weight(*frame);
        frames_.push_back(std::move(frame));
        while (bytes_ > most_ && frames_.size() > 1) {
            bytes_ -= weight(*frames_.front());
            frames_.pop_front();
        }
    }
    void clear() {
        frames_.clear();
        bytes_ = 0;
    }
    bool empty() const { return frames_.empty(); }
    /// Whether every record after `seq` is here.
    bool covers(Seq seq) const {
        return !frames_.empty() && frames_.front()->seq().value <= seq.value + 1;
    }
    Seq first() const { return frames_.empty() ? Seq{} : frames_.front()->seq(); }
    /// Index of the first frame with a higher number.
    std::size_t after(Seq seq) const;
    std::size_t size() const { return frames_.size(); }
    const FramePtr& at(std::size_t index) const { return frames_[index]; }

private:
    // The record with its two texts; a fixed guess, since texts are made on demand.
    static std::size_t weight(const Frame& frame) {
        return 640 + (frame.record().is_sample() ? 0 : frame.record().event().members.size() * 3);
    }
    std::deque<FramePtr> frames_;
    std::size_t most_;
    std::size_t bytes_ = 0;
};

}  // namespace fog
