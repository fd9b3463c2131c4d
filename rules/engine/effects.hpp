#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "firmware/core/records.hpp"

namespace fog {

/// What identifies an action for ever: rule, version, instance and its cause (a seq or a due time).
using ActionId = std::uint64_t;

/// An event to append to the log, in its lane.
struct EffectEvent {
    Event event;
    Lane lane = Lane::alarm;
    ActionId id = 0;  // also in the event's members, 16 hex digits under "id"
};

/// A value a rule made; the pipeline interns it and feeds it back as a sample (flag::kDerived).
struct Derived {
    std::string device;
    std::string point;
    std::string unit;  // UCUM, "" = none
    Value value;
    Quality quality;
    WallTime source_time;  // the latest of the inputs read; epoch = unknown
    MonoTime received;     // rule time
    BootId boot;
};

enum class Drop : std::uint8_t { no, uplink, all };

/// What route and drop actions decided for one sample of a batch.
struct Routing {
    bool has_lane = false;
    Lane lane = Lane::live;
    Drop drop = Drop::no;
    const std::vector<std::string>* sinks = nullptr;  // allow-list; null: every sink
};

/// Everything one call of the engine asks for. Reused between calls; clear() keeps the memory.
struct Effects {
    std::vector<EffectEvent> events;
    std::vector<Derived> derived;
    /// Empty: no rule had anything to say. Else one entry per record of the batch, in order.
    std::vector<Routing> routing;
    std::deque<std::vector<std::string>> allow_lists;  // what `routing` points into

    void clear() {
        events.clear();
        derived.clear();
        routing.clear();
        allow_lists.clear();
    }
};

}  // namespace fog
