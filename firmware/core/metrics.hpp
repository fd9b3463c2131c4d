#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace fog {

/// A number that only grows. Any thread, wait-free.
class Counter {
public:
    void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A number that moves. Any thread, wait-free.
class Gauge {
public:
    void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
    void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::int64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

/// Seconds in the push buckets 0.25 ms ... 1 s. Any thread, wait-free.
class Histogram {
public:
    static constexpr std::array<double, 11> kBounds = {0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                       0.025,   0.05,   0.1,   0.25,   1.0};
    void record(double seconds);
    std::uint64_t count() const;
    std::uint64_t bucket(std::size_t index) const {
        return buckets_[index].load(std::memory_order_relaxed);
    }
    double sum() const {
        return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9;
    }
    /// Upper bound of the bucket that holds quantile `q` (0..1); 0 when empty.
    double quantile(double q) const;

private:
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
    std::atomic<std::uint64_t> sum_ns_{0};
};

/// All metrics of the process, by Prometheus name and label text. Owners keep the reference they
/// got; it stays valid. Any thread; registering and rendering take a lock, counting does not.
class Metrics {
public:
    /// `labels` is the inside of the braces, e.g. `lane="live"`; the same pair gives the same
    /// object.
    Counter& counter(std::string_view name, std::string_view labels = {},
                     std::string_view help = {});
    Gauge& gauge(std::string_view name, std::string_view labels = {}, std::string_view help = {});
    Histogram& histogram(std::string_view name, std::string_view labels = {},
                         std::string_view help = {});
    /// A number asked for when rendered: a counter where the name ends in `_total`, else a gauge.
    void computed(std::string_view name, std::string_view labels, std::string_view help,
                  std::function<double()> value);
    /// Prometheus text format 0.0.4.
    std::string render() const;

private:
    struct Entry {
        std::string name, labels, help;
        enum class Kind : std::uint8_t { counter, gauge, histogram, computed } kind;
        Counter counter;
        Gauge gauge;
        Histogram histogram;
        std::function<double()> value;
    };
    Entry& find(std::string_view name, std::string_view labels, std::string_view help,
                Entry::Kind kind);

    mutable std::mutex mutex_;
    std::deque<Entry> entries_;
};

}  // namespace fog
