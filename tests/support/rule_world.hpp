#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/core/metrics.hpp"
#include "rules/engine/alarm_book.hpp"
#include "rules/engine/engine.hpp"

namespace fog {

/// An engine with points and a log of its own, as the pipeline would drive it.
struct RuleWorld {
    PointDirectory points;
    Limits limits;
    Metrics metrics;
    BootTable boots;
    std::unique_ptr<RuleEngine> engine;
    BootId boot{1};
    MonoTime now{std::chrono::seconds(1000)};
    std::vector<Record> log;  // samples and events, as the pipeline would append them
    Effects out;
    std::uint64_t seq = 0;

    RuleWorld() { restart(); }

    void restart() {
        engine = std::make_unique<RuleEngine>(points, limits, metrics, &boots);
        out.clear();
    }
    RuleMoment at() const { return {boot, now}; }

    PointId add(std::string device, std::string point, std::string unit = {}) {
        const PointId id{points.highest() + 1};
        PointInfo info;
        info.id = id;
        info.device = std::move(device);
        info.point = std::move(point);
        info.unit = std::move(unit);
        REQUIRE(points.set(info));
        engine->point_appeared(id, at(), out);
        return id;
    }
    static Node toml(std::string_view text) {
        std::vector<Fault> faults;
        auto node = parse_toml(text, "rules.d/test.toml", faults);
        for (const Fault& fault : faults) MESSAGE(to_text(fault));
        REQUIRE(node.has_value());
        return *node;
    }
    std::vector<Fault> load(std::string_view id, std::string_view text, std::uint64_t version = 1) {
        auto faults = engine->load(id, toml(text), version, "test", at(), out);
        keep_events();
        return faults;
    }
    /// Loads, and insists that nothing but warnings came.
    void good(std::string_view id, std::string_view text, std::uint64_t version = 1) {
        for (const Fault& fault : load(id, text, version)) {
            CAPTURE(to_text(fault));
            CHECK(fault.warning);
        }
    }
    Record sample(PointId point, Value value, Quality quality = {}, WallTime source = {}) {
        Record record;
        record.seq = Seq{++seq};
        record.body = Sample{point, std::move(value), quality, source, boot, now, 0};
        return record;
    }
    /// Time goes on by `after`, then the sample arrives.
    Routing push(PointId point, Value value, std::chrono::nanoseconds after = {},
                 Quality quality = {}, WallTime source = {}) {
        now += after;
        return push_batch({sample(point, std::move(value), quality, source)});
    }
    Routing push_batch(std::vector<Record> batch) {
        out.routing.clear();
        engine->on_batch(batch, out);
        for (Record& record : batch) log.push_back(std::move(record));
        const Routing first = out.routing.empty() ? Routing{} : out.routing.front();
        keep_events();
        return first;
    }
    void wait(std::chrono::nanoseconds by) {
        now += by;
        engine->on_time(at(), out);
        keep_events();
    }
    void keep_events() {
        for (; logged_ < out.events.size(); ++logged_) {
            Record record;
            record.seq = Seq{++seq};
            record.lane = out.events[logged_].lane;
            record.body = out.events[logged_].event;
            log.push_back(std::move(record));
        }
    }
    /// Forgets what was collected so far.
    void clear() {
        keep_events();
        out.clear();
        logged_ = 0;
    }
    /// "change state level" of every alarm event since the last call.
    std::vector<std::string> changes() {
        std::vector<std::string> result;
        for (const EffectEvent& effect : out.events) {
            if (effect.event.kind != EventKind::alarm) continue;
            result.push_back(text_of(effect.event));
        }
        clear();
        return result;
    }
    static std::string text_of(const Event& event) {
        std::string text(json_member(event.members, "occurrence").value_or("?"));
        text += " " + std::string(json_member(event.members, "change").value_or("?"));
        text += " " + std::string(json_member(event.members, "state").value_or("?"));
        if (const auto level = json_member(event.members, "level"); level)
            text += " " + std::string(*level);
        return text;
    }
    std::vector<std::string> alarm_log() const {
        std::vector<std::string> result;
        for (const Record& record : log)
            if (!record.is_sample() && record.event().kind == EventKind::alarm)
                result.push_back(text_of(record.event()));
        return result;
    }
    /// A restarted daemon: rules loaded, snapshot and log taken over. What is new is in `out`.
    void resume(const std::vector<std::pair<std::string, std::string>>& rules,
                const Bytes& snapshot, const std::vector<Record>& records) {
        restart();
        logged_ = 0;
        for (const auto& [id, text] : rules) engine->load(id, toml(text), 1, "test", at(), out);
        const auto covered = engine->restore(snapshot, at(), out);
        REQUIRE(covered.has_value());
        std::vector<Record> rest;
        for (const Record& record : records)
            if (record.seq > *covered) rest.push_back(record);
        engine->recover(rest);
        engine->end_recovery(at(), out);
        keep_events();
    }

private:
    std::size_t logged_ = 0;
};

using Lines = std::vector<std::string>;

}  // namespace fog

namespace doctest {
template <>
struct StringMaker<std::vector<std::string>> {
    static String convert(const std::vector<std::string>& lines) {
        std::string text = "[";
        const std::size_t from = lines.size() > 5 ? lines.size() - 5 : 0;
        for (std::size_t i = from; i < lines.size(); ++i)
            text += (text.size() > 1 ? ", " : "") + lines[i];
        return (text + "]").c_str();
    }
};
}  // namespace doctest
