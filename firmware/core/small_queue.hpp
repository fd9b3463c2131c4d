#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace fog {

/// First in, first out, without memory while empty for long.
template <class T>
class SmallQueue {
public:
    bool empty() const { return at_ == items_.size(); }
    std::size_t size() const { return items_.size() - at_; }
    T& front() { return items_[at_]; }
    const T& front() const { return items_[at_]; }
    T& operator[](std::size_t index) { return items_[at_ + index]; }
    const T& operator[](std::size_t index) const { return items_[at_ + index]; }
    void push(T item) { items_.push_back(std::move(item)); }
    void pop() {
        items_[at_++] = T{};
        if (at_ != items_.size() && at_ < 256) return;
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(at_));
        at_ = 0;
        if (items_.empty() && items_.capacity() > 8) items_.shrink_to_fit();
    }
    void clear() {
        items_ = {};
        at_ = 0;
    }
    void unpop(T item) {
        if (at_ > 0)
            items_[--at_] = std::move(item);
        else
            items_.insert(items_.begin(), std::move(item));
    }
    template <class Drop>
    void remove_if(Drop drop) {
        std::vector<T> kept;
        for (std::size_t i = at_; i < items_.size(); ++i)
            if (!drop(items_[i])) kept.push_back(std::move(items_[i]));
        items_ = std::move(kept);
        at_ = 0;
    }

private:
    std::vector<T> items_;
    std::size_t at_ = 0;
};

}  // namespace fog
