#include "firmware/core/metrics.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "firmware/core/text.hpp"

namespace fog {

void Histogram::record(double seconds) {
    std::size_t index = 0;
    while (index < kBounds.size() && seconds > kBounds[index]) ++index;
    buckets_[index].fetch_add(1, std::memory_order_relaxed);
    if (seconds > 0)
        sum_ns_.fetch_add(static_cast<std::uint64_t>(seconds * 1e9), std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
    std::uint64_t all = 0;
    for (const auto& bucket : buckets_) all += bucket.load(std::memory_order_relaxed);
    return all;
}

double Histogram::quantile(double q) const {
    const auto all = count();
    if (all == 0) return 0;
    const double wanted = q * static_cast<double>(all);
    double seen = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
        seen += static_cast<double>(bucket(i));
        if (seen >= wanted) return kBounds[i];
    }
    return kBounds.back();
}

Metrics::Entry& Metrics::find(std::string_view name, std::string_view labels, std::string_view help,
                              Entry::Kind kind) {
    const std::lock_guard lock(mutex_);
    for (Entry& entry : entries_)
        if (entry.name == name && entry.labels == labels) return entry;
    Entry& entry = entries_.emplace_back();
    entry.name = name;
    entry.labels = labels;
    entry.help = help;
    entry.kind = kind;
    return entry;
}

Counter& Metrics::counter(std::string_view name, std::string_view labels, std::string_view help) {
    return find(name, labels, help, Entry::Kind::counter).counter;
}
Gauge& Metrics::gauge(std::string_view name, std::string_view labels, std::string_view help) {
    return find(name, labels, help, Entry::Kind::gauge).gauge;
}
Histogram& Metrics::histogram(std::string_view name, std::string_view labels,
                              std::string_view help) {
    return find(name, labels, help, Entry::Kind::histogram).histogram;
}
void Metrics::computed(std::string_view name, std::string_view labels, std::string_view help,
                       std::function<double()> value) {
    Entry& entry = find(name, labels, help, Entry::Kind::computed);
    const std::lock_guard lock(mutex_);
    entry.value = std::move(value);
}

namespace {

void append_line(std::string& out, std::string_view name, std::string_view labels, double value) {
    out += name;
    if (!labels.empty()) (out += '{') += labels, out += '}';
    out += ' ';
    append_double(out, value);
    out += '\n';
}

void append_histogram(std::string& out, const std::string& name, const std::string& labels,
                      const Histogram& histogram) {
    const std::string lead = labels.empty() ? std::string() : labels + ",";
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
        below += histogram.bucket(i);
        std::string bound;
        append_double(bound, Histogram::kBounds[i]);
        append_line(out, name + "_bucket", lead + "le=\"" + bound + "\"",
                    static_cast<double>(below));
    }
    below += histogram.bucket(Histogram::kBounds.size());
    append_line(out, name + "_bucket", lead + "le=\"+Inf\"", static_cast<double>(below));
    append_line(out, name + "_sum", labels, histogram.sum());
    append_line(out, name + "_count", labels, static_cast<double>(below));
}

}  // namespace

std::string Metrics::render() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::vector<const Entry*>> by_name;
    for (const Entry& entry : entries_) by_name[entry.name].push_back(&entry);
    std::string out;
    for (const auto& [name, entries] : by_name) {
        const auto kind = entries.front()->kind;
        if (!entries.front()->help.empty())
            out += "# HELP " + name + " " + entries.front()->help + "\n";
        out += "# TYPE " + name + " ";
        const bool counts = kind == Entry::Kind::counter ||
                            (kind == Entry::Kind::computed && name.ends_with("_total"));
        out += counts ? "counter\n" : kind == Entry::Kind::histogram ? "histogram\n" : "gauge\n";
        for (const Entry* entry : entries) {
            switch (entry->kind) {
                case Entry::Kind::counter:
                    append_line(out, name, entry->labels,
                                static_cast<double>(entry->counter.get()));
                    break;
                case Entry::Kind::gauge:
                    append_line(out, name, entry->labels, static_cast<double>(entry->gauge.get()));
                    break;
                case Entry::Kind::histogram:
                    append_histogram(out, name, entry->labels, entry->histogram);
                    break;
                case Entry::Kind::computed:
                    append_line(out, name, entry->labels, entry->value ? entry->value() : 0);
                    break;
            }
        }
    }
    return out;
}

}  // namespace fog
