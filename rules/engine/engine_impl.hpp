#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "firmware/core/thread_owned.hpp"
#include "rules/engine/alarm_book.hpp"
#include "rules/engine/engine.hpp"
#include "rules/engine/instance.hpp"

namespace fog {

/// The state behind RuleEngine. Split over engine.cpp (calls, records), binding.cpp (rules and
/// instances) and snapshot.cpp (restart).
class RuleEngine::Impl final : public PointFinder, public InstanceHost {
public:
    Impl(const PointDirectory& points, const Limits& limits, Metrics& metrics,
         const BootTable* boots);

    struct Rule {
        RuleInfo info;
        std::unique_ptr<RuleSpec> spec;                              // of the last good version
        std::map<std::string, std::unique_ptr<Instance>> instances;  // by device
    };
    struct Reader {
        Instance* instance;
        Rule* rule;
        std::uint32_t input;
    };
    /// What is kept of a point that some rule reads.
    struct PointState {
        std::vector<Reader> readers;
        WallTime newest;  // source time
        WallTime late;    // of the last sample older than `newest`
        std::uint32_t late_in_row = 0;
        Value value;
        Quality quality;
        std::uint32_t silent = 0;  // readers whose input expired and who want an alarm for it
    };

    // --- binding.cpp
    std::vector<Fault> check(std::string_view id, const Node& spec) const;
    std::vector<Fault> load(std::string_view id, const Node& node, std::uint64_t version,
                            std::string_view who, RuleMoment at, Effects& out);
    bool remove(std::string_view id, RuleMoment at, Effects& out);
    void point_appeared(PointId point, RuleMoment at, Effects& out);
    const PointInfo* find_point(std::string_view name) const override;

    // --- engine.cpp
    void on_batch(std::span<const Record> records, Effects& out);
    void advance(MonoTime upto, bool inclusive, BootId boot, Effects& out);
    void enter(BootId boot, MonoTime now, Effects& out);
    void come_to(RuleMoment at, Effects& out);
    void set_wake(Instance& instance, std::uint32_t slot, MonoTime due) override;
    std::optional<WallTime> wall(MonoTime now) const override;
    std::optional<MonoTime> next_timer();
    Result<AlarmState> person(std::string_view alarm, AlarmChange change, std::string_view who,
                              std::string_view note, RuleMoment at, Effects& out);
    std::vector<AlarmInfo> alarms() const;
    std::vector<RuleInfo> list() const;

    // --- snapshot.cpp
    void save(Bytes& out);
    Result<Seq> restore(std::span<const std::byte> snapshot, RuleMoment at, Effects& out);
    void recover(std::span<const Record> records);
    void end_recovery(RuleMoment at, Effects& out);

    ThreadOwned owner;
    bool dirty = false;

private:
    struct Judged {
        Instance* instance;
        Rule* rule;
    };
    struct Routed {
        std::size_t record;
        Instance* instance;
        std::uint32_t input;
        bool passed;
    };

    // binding.cpp
    std::unique_ptr<Instance> build(const Rule& rule, const std::string& device,
                                    std::vector<Fault>& faults) const;
    std::vector<std::string> bound_devices(const RuleSpec& spec) const;
    bool has_any_input(const RuleSpec& spec, const std::string& device) const;
    void bind_instance(Rule& rule, const std::string& device, bool same_shape,
                       std::unique_ptr<Instance> old, RuleMoment at, Effects& out);
    void attach(Rule& rule, Instance& instance);
    void detach(Instance& instance, Effects& out);
    void own_alarms(Rule& rule, Instance& instance);
    void disown_alarms(const Rule& rule);
    void check_cycles(const RuleSpec& spec, std::vector<Fault>& faults) const;
    void learn_points();
    void learn_point(const PointInfo& info);
    PointState& point_state(PointId id);

    // engine.cpp
    void run_group(std::span<const Record> group, std::size_t first, std::size_t total,
                   Effects& out);
    void apply(const Record& record, std::size_t index);
    bool fresh(PointState& state, const Sample& sample);
    void mark(Instance& instance, Rule& rule);
    void settle(Effects& out);
    void judge(Instance& instance, Rule& rule, Effects& out);
    void act(Instance& instance, Rule& rule, const Verdict3& before, Effects& out);
    void describe(AlarmRecord& record, const AlarmSpec& spec, const Instance& instance);
    std::string fill_text(const AlarmSpec& spec, const Instance& instance,
                          std::optional<double> raised_at) const;
    void derive(Instance& instance, Effects& out);
    void route(std::size_t total, Effects& out);
    void merge(Routing& routing, const RouteSpec& spec, Effects& out) const;
    void update_silence(Instance& instance, std::size_t input, bool was, Effects& out);
    void point_silence(PointId id, Effects& out);
    void rerank();
    AlarmCause cause() const { return {boot_, now_, cause_}; }

    // snapshot.cpp
    void restore_entry(std::span<const std::byte> bytes, Effects& out);
    bool restore_instance(Unpacker& in, Effects& out);
    bool restore_alarm(Unpacker& in);
    bool restore_point(Unpacker& in);
    void recount_silence();
    void own_silences();
    void settle_silence(Effects& out);

    const PointDirectory& points_;
    const Limits& limits_;
    const BootTable* boots_;
    std::map<std::string, Rule, std::less<>> rules_;
    std::unordered_map<std::string, PointId> names_;  // "device/point"
    std::set<std::string, std::less<>> devices_;
    std::vector<PointState> states_;  // by point id
    Timers timers_;
    AlarmBook book_;
    bool ranks_stale_ = false;
    std::size_t instances_ = 0;

    // the moment being worked on
    BootId boot_;
    MonoTime now_;  // never runs backwards within a boot
    std::uint64_t cause_ = 0;
    Seq last_seq_;
    std::vector<Judged> judged_;  // marked in this moment
    std::vector<Routed> routed_;

    bool recovering_ = false;
    Effects held_;

    Counter& evaluations_;
    Counter& fires_;
    Counter& duplicates_;
    Counter& conflicts_;
    Counter& out_of_order_;
    Counter& faults_;
    Counter& filtered_;
};

}  // namespace fog
