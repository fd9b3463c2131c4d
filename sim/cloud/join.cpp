#include "sim/cloud/join.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <string_view>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kOffendersKept = 10;  // of each kind

/// All readings of one point and all its first arrivals.
struct Series {
    bool timed = false;
    std::vector<std::uint32_t> sent;  // into RunFacts::readings
    std::vector<std::uint32_t> far;   // into FarFacts::arrivals
};

class Join {
public:
    Join(const RunFacts& run, const FarFacts& far) : run_(run), far_(far) {
        found_.resize(run.readings.size(), false);
        match_.resize(far.arrivals.size(), kNone);
        per_device_.resize(run.devices.size());
    }

    CheckReport run() {
        collect_sent();
        collect_arrivals();
        for (auto& [address, series] : series_) {
            if (series.timed) {
                join_by_time(series);
            } else {
                join_by_sequence(series);
            }
        }
        judge_missing();
        judge_order();
        for (std::size_t i = 0; i < run_.devices.size(); ++i) {
            per_device_[i].unsent = run_.devices[i].unsent;
            add(report_.total, per_device_[i]);
            report_.devices.emplace_back(run_.devices[i].id, per_device_[i]);
        }
        report_.sink = far_.sink;
        report_.quiet = latency(quiet_);
        report_.faulty = latency(faulty_);
        return std::move(report_);
    }

private:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    static constexpr std::size_t kRun = 4;             // agreeing in a row: in step again
    static constexpr std::size_t kLookAhead = 10'000;  // readings lost in one piece
    static constexpr std::size_t kOddAhead = 16;       // unexpected records in one piece
    static constexpr std::size_t kOddCost = 8;         // an unexpected record against a missing one
    using Address = std::pair<Word, Word>;             // gateway's device id, point

    static void add(Figures& total, const Figures& one) {
        for (const auto member :
             {&Figures::sent, &Figures::acked, &Figures::arrived, &Figures::missing,
              &Figures::silent, &Figures::pending, &Figures::unheard, &Figures::unsent,
              &Figures::duplicate, &Figures::repeated, &Figures::twice, &Figures::reordered,
              &Figures::corrupt, &Figures::odd}) {
            total.*member += one.*member;
        }
    }

    void collect_sent() {
        std::vector<Word> names;
        for (const SentDevice& device : run_.devices) names.emplace_back(device.gateway_id);
        for (std::size_t i = 0; i < run_.readings.size(); ++i) {
            const SentReading& reading = run_.readings[i];
            Series& series = series_[{names[reading.device], reading.point}];
            series.timed = run_.devices[reading.device].timed;
            series.sent.push_back(static_cast<std::uint32_t>(i));
            Figures& figures = per_device_[reading.device];
            ++figures.sent;
            if (reading.odd) ++figures.odd;
            if (reading.acked) ++figures.acked;
        }
        for (std::size_t i = 0; i < run_.devices.size(); ++i) place_of_[names[i]] = i;
    }

    void collect_arrivals() {
        const auto firsts = repeated_arrivals();
        for (std::size_t i = 0; i < far_.arrivals.size(); ++i) {
            const FarArrival& arrival = far_.arrivals[i];
            const auto first = firsts.find(static_cast<std::uint32_t>(i));
            if (first != firsts.end()) {
                again(arrival, far_.arrivals[first->second]);
                continue;
            }
            if (arrival.record.alarm.empty()) ++report_.plain;
            if (!arrival.record.is_sample) {
                ++report_.events;
                continue;
            }
            const auto found = series_.find({arrival.record.device, arrival.record.point});
            if (found == series_.end()) {
                ++report_.foreign;
            } else {
                found->second.far.push_back(static_cast<std::uint32_t>(i));
            }
        }
    }

    /// Arrivals whose gateway and number were there before: place by place of the first.
    std::map<std::uint32_t, std::uint32_t> repeated_arrivals() const {
        std::map<Word, std::vector<std::pair<std::uint64_t, std::uint32_t>>> by_gateway;
        for (std::size_t i = 0; i < far_.arrivals.size(); ++i) {
            const SeenRecord& record = far_.arrivals[i].record;
            by_gateway[record.gateway].emplace_back(record.seq, static_cast<std::uint32_t>(i));
        }
        std::map<std::uint32_t, std::uint32_t> out;
        for (auto& [gateway, seqs] : by_gateway) {
            std::sort(seqs.begin(), seqs.end());  // the first of a number comes first
            for (std::size_t i = 1, first = 0; i < seqs.size(); ++i) {
                if (seqs[i].first == seqs[first].first) {
                    out.emplace(seqs[i].second, seqs[first].second);
                } else {
                    first = i;
                }
            }
        }
        return out;
    }

    /// The same sequence number once more: at least once allows it, as long as it says the same.
    void again(const FarArrival& arrival, const FarArrival& first) {
        const auto place = place_of_.find(arrival.record.device);
        Figures& figures = place == place_of_.end() ? report_.total : per_device_[place->second];
        const bool same = arrival.value == first.value &&
                          arrival.record.time == first.record.time &&
                          arrival.record.point == first.record.point;
        if (same) {
            ++figures.duplicate;
            offend("duplicate", nullptr, &arrival,
                   "delivered before at line " + std::to_string(first.line));
        } else {
            ++figures.corrupt;
            offend("corrupt", nullptr, &arrival,
                   "another content under the seq of line " + std::to_string(first.line));
        }
    }

    void matched(std::uint32_t sent, std::uint32_t far) {
        found_[sent] = true;
        match_[far] = sent;
        const std::int64_t begun = run_.readings[sent].mono;
        const std::int64_t took = far_.arrivals[far].mono - begun;
        const auto within = [begun](const FaultSpan& span) {
            return begun >= span.begin && begun < span.end;
        };
        const bool calm = std::none_of(run_.faults.begin(), run_.faults.end(), within);
        (calm ? quiet_ : faulty_).push_back(took);
        ++per_device_[run_.readings[sent].device].arrived;
    }

    static Latency latency(std::vector<std::int64_t>& times) {
        Latency out;
        out.count = times.size();
        if (times.empty()) return out;
        std::sort(times.begin(), times.end());
        const auto at = [&times](std::size_t percent) {
            return times[(times.size() - 1) * percent / 100];
        };
        out.p50 = at(50);
        out.p95 = at(95);
        out.p99 = at(99);
        out.max = times.back();
        return out;
    }

    void join_by_time(const Series& series) {
        std::vector<std::pair<Moment, std::uint32_t>> by_time;
        by_time.reserve(series.sent.size());
        for (const std::uint32_t i : series.sent) by_time.emplace_back(run_.readings[i].source, i);
        std::sort(by_time.begin(), by_time.end());
        std::vector<std::uint32_t> candidates;
        for (const std::uint32_t f : series.far) {
            const FarArrival& arrival = far_.arrivals[f];
            candidates.clear();
            auto at = std::lower_bound(by_time.begin(), by_time.end(),
                                       std::pair(arrival.record.time, std::uint32_t{0}));
            for (; at != by_time.end() && at->first == arrival.record.time; ++at) {
                candidates.push_back(at->second);
            }
            if (candidates.empty()) {
                never_sent(arrival);
                continue;
            }
            place_timed(candidates, f);
        }
    }

    /// Among the readings of one time: the same value not seen yet, else seen before, else changed.
    void place_timed(const std::vector<std::uint32_t>& candidates, std::uint32_t f) {
        const FarArrival& arrival = far_.arrivals[f];
        std::uint32_t repeat = kNone;
        std::uint32_t changed = kNone;
        for (const std::uint32_t i : candidates) {
            if (run_.readings[i].value == arrival.value) {
                if (!found_[i]) return matched(i, f);
                repeat = i;
            } else if (!found_[i]) {
                changed = i;
            }
        }
        if (repeat != kNone) return once_more(repeat, arrival);
        if (changed != kNone) return altered(changed, f);
        never_sent(arrival);
    }

    /// No time travels: both sides are sequences of values, in the order of the gateway's numbers,
    /// laid beside each other; what is left over is judged by value.
    void join_by_sequence(Series& series) {
        std::vector<std::uint32_t> sent;
        for (const std::uint32_t i : series.sent) {
            if (run_.readings[i].heard) sent.push_back(i);
        }
        std::stable_sort(series.far.begin(), series.far.end(),
                         [this](std::uint32_t a, std::uint32_t b) {
                             return far_.arrivals[a].record.seq < far_.arrivals[b].record.seq;
                         });
        align(sent, series.far);
        match_left_over(sent, series);
        for (const std::uint32_t f : series.far) {
            if (match_[f] == kNone) judge_odd(f, sent);
        }
    }

    bool same_value(std::uint32_t sent, std::uint32_t far) const {
        return run_.readings[sent].value == far_.arrivals[far].value;
    }

    /// How many readings agree in a row, at most kRun.
    std::size_t agreeing(const std::vector<std::uint32_t>& sent, std::size_t i,
                         const std::vector<std::uint32_t>& far, std::size_t j) const {
        std::size_t n = 0;
        while (n < kRun && i + n < sent.size() && j + n < far.size() &&
               same_value(sent[i + n], far[j + n])) {
            ++n;
        }
        return n;
    }

    void align(const std::vector<std::uint32_t>& sent, const std::vector<std::uint32_t>& far) {
        std::size_t i = 0;
        std::size_t j = 0;
        while (i < sent.size() && j < far.size()) {
            if (same_value(sent[i], far[j])) {
                matched(sent[i++], far[j++]);
                continue;
            }
            const auto [missing, odd] = next_agreement(sent, i, far, j);
            i += missing;
            j += odd;
        }
    }

    /// The least to skip on both sides until they agree for a while again.
    std::pair<std::size_t, std::size_t> next_agreement(const std::vector<std::uint32_t>& sent,
                                                       std::size_t i,
                                                       const std::vector<std::uint32_t>& far,
                                                       std::size_t j) const {
        for (std::size_t cost = 1; cost <= kLookAhead; ++cost) {
            for (std::size_t odd = 0; odd <= std::min(cost / kOddCost, kOddAhead); ++odd) {
                const std::size_t missing = cost - odd * kOddCost;
                if (i + missing >= sent.size() || j + odd >= far.size()) continue;
                const std::size_t rest = std::min(sent.size() - i - missing, far.size() - j - odd);
                if (agreeing(sent, i + missing, far, j + odd) >= std::min(kRun, rest)) {
                    return {missing, odd};
                }
            }
        }
        return {1, 1};
    }

    void match_left_over(const std::vector<std::uint32_t>& sent, const Series& series) {
        std::map<std::string_view, std::deque<std::uint32_t>> open;
        for (const std::uint32_t i : sent) {
            if (!found_[i]) open[run_.readings[i].value].push_back(i);
        }
        for (const std::uint32_t i : series.sent) {  // heard after all: the look came too early
            if (!run_.readings[i].heard) open[run_.readings[i].value].push_back(i);
        }
        for (const std::uint32_t f : series.far) {
            if (match_[f] != kNone) continue;
            const auto same = open.find(far_.arrivals[f].value);
            if (same == open.end() || same->second.empty()) continue;
            matched(same->second.front(), f);
            same->second.pop_front();
        }
    }

    /// A record nothing was sent for: a repeat of the device's, a changed value, or one too many.
    void judge_odd(std::uint32_t f, const std::vector<std::uint32_t>& sent) {
        std::uint32_t twin = kNone;
        std::uint32_t missing = kNone;
        for (const std::uint32_t i : sent) {
            if (!found_[i] && missing == kNone) missing = i;
            if (same_value(i, f) && (twin == kNone || run_.readings[i].resent)) twin = i;
        }
        const bool repeat = twin != kNone && run_.readings[twin].resent;
        if (!repeat && missing != kNone) return altered(missing, f);
        if (twin != kNone) return once_more(twin, far_.arrivals[f]);
        never_sent(far_.arrivals[f]);
    }

    void once_more(std::uint32_t sent, const FarArrival& arrival) {
        const SentReading& reading = run_.readings[sent];
        Figures& figures = per_device_[reading.device];
        if (reading.resent) {
            ++figures.repeated;
            return;
        }
        ++figures.twice;
        offend("twice", &reading, &arrival, "the device sent it once");
    }

    void altered(std::uint32_t sent, std::uint32_t far) {
        const SentReading& reading = run_.readings[sent];
        matched(sent, far);
        if (reading.odd) return;
        ++per_device_[reading.device].corrupt;
        offend("corrupt", &reading, &far_.arrivals[far], "arrived as " + far_.arrivals[far].value);
    }

    void never_sent(const FarArrival& arrival) {
        ++per_device_[place_of_.at(arrival.record.device)].corrupt;
        offend("corrupt", nullptr, &arrival, "never sent");
    }

    void judge_missing() {
        for (std::size_t i = 0; i < run_.readings.size(); ++i) {
            if (found_[i]) continue;
            const SentReading& reading = run_.readings[i];
            Figures& figures = per_device_[reading.device];
            if (reading.odd) continue;  // the gateway may say what it likes about it
            const std::string& level = run_.devices[reading.device].level;
            if (reading.acked) {
                ++figures.missing;
                offend("lost", &reading, nullptr, "acknowledged to the device");
            } else if (!reading.heard) {
                ++figures.unheard;
            } else if (level == "C") {
                ++figures.silent;
                offend("silent", &reading, nullptr, "nothing acknowledges on this link");
            } else {
                ++figures.pending;
            }
        }
    }

    void judge_order() {
        std::map<std::pair<std::size_t, bool>, std::size_t> latest;  // device, historic
        for (std::size_t f = 0; f < match_.size(); ++f) {
            if (match_[f] == kNone) continue;
            const SentReading& reading = run_.readings[match_[f]];
            std::size_t& last = latest[{reading.device, far_.arrivals[f].record.historic}];
            if (reading.order >= last) {
                last = reading.order;
                continue;
            }
            ++per_device_[reading.device].reordered;
            offend("reordered", &reading, &far_.arrivals[f], "a later report was here before");
        }
    }

    void offend(const char* kind, const SentReading* sent, const FarArrival* far,
                std::string detail) {
        if (kept_[kind]++ >= kOffendersKept) return;
        Offender offender;
        offender.kind = kind;
        offender.detail = std::move(detail);
        if (sent != nullptr) {
            offender.device = run_.devices[sent->device].id;
            offender.point = sent->point;
            offender.value = sent->value;
            offender.source = sent->source.text();
            offender.id = sent->id;
            offender.ledger_line = sent->line;
        }
        if (far != nullptr) {
            offender.seq = far->record.seq;
            offender.far_line = far->line;
            if (sent == nullptr) {
                offender.device = far->record.device;
                offender.point = far->record.point;
                offender.value = far->value;
                offender.source = far->record.time.text();
            }
        }
        offender.history = history(sent, far);
        report_.offenders.push_back(std::move(offender));
    }

    std::string seconds(std::int64_t mono) const {
        std::string out;
        append_double(out, static_cast<double>((mono - run_.start_mono) / 1'000'000) / 1000);
        return out + " s";
    }
    std::string history(const SentReading* sent, const FarArrival* far) const {
        std::string out;
        if (sent != nullptr) {
            out += "sent at " + seconds(sent->mono);
            if (sent->resent) out += ", sent again";
            out += sent->acked ? ", acknowledged at " + seconds(sent->acked_mono)
                               : ", never acknowledged";
            for (const FaultSpan& span : run_.faults) {
                if (sent->mono >= span.begin && sent->mono < span.end) {
                    out += ", during " + span.kind + " on " + span.where;
                }
            }
        }
        if (far != nullptr) out += (out.empty() ? "" : ", ") + ("seen at " + seconds(far->mono));
        return out;
    }

    const RunFacts& run_;
    const FarFacts& far_;
    std::map<Address, Series> series_;
    std::map<Word, std::size_t> place_of_;  // by the gateway's device id
    std::vector<bool> found_;               // by reading
    std::vector<std::uint32_t> match_;      // by arrival
    std::vector<Figures> per_device_;
    std::vector<std::int64_t> quiet_, faulty_;
    std::map<std::string_view, std::size_t> kept_;
    CheckReport report_;
};

}  // namespace

CheckReport join(const RunFacts& run, const FarFacts& far) {
    return Join(run, far).run();
}

}  // namespace fog::sim
