#include <algorithm>

#include "firmware/core/crc32c.hpp"
#include "rules/engine/engine_impl.hpp"
#include "rules/engine/state_pack.hpp"

// The state snapshot: "FRS1", version, seq, boot, rule time, number of entries, then per entry
// varint length, CRC-32C and payload. The payload begins with its kind.
namespace fog {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kMagic = "FRS1";
constexpr std::uint8_t kVersion = 1;
enum Kind : std::uint8_t { instance_entry = 1, alarm_entry = 2, point_entry = 3 };

void append_entry(Packer& out, const Bytes& payload) {
    out.varint(payload.size());
    out.fixed(crc32c(payload));
    out.raw(payload);
}

}  // namespace

void RuleEngine::Impl::save(Bytes& out) {
    out.clear();
    Packer head(out);
    head.raw(as_bytes(kMagic));
    head.u8(kVersion);
    head.varint(last_seq_.value);
    head.varint(boot_.value);
    head.zigzag(now_.time_since_epoch().count());
    Bytes payload;
    Packer entry(payload);
    for (const auto& [id, rule] : rules_)
        for (const auto& [device, instance] : rule.instances) {
            if (!instance->fault.empty()) continue;
            payload.clear();
            entry.u8(instance_entry);
            entry.text(id);
            entry.text(device);
            entry.fixed(rule.spec->shape);
            instance->save(entry);
            append_entry(head, payload);
        }
    for (const auto& [id, record] : book_.all()) {
        if (record.machine.occurrence() == 0) continue;
        payload.clear();
        entry.u8(alarm_entry);
        const AlarmInfo& info = record.info;
        for (const std::string* text :
             {&info.alarm, &info.device, &info.point, &info.rule, &info.level, &info.area,
              &info.text, &info.unit, &info.acked_by, &info.note})
            entry.text(*text);
        entry.varint(info.version);
        entry.u8(static_cast<std::uint8_t>(info.severity));
        save_value(entry, info.value);
        entry.u8(info.limit ? 1 : 0);
        entry.fixed(info.limit.value_or(0));
        entry.varint(info.boot.value);
        entry.zigzag(info.since.time_since_epoch().count());
        entry.fixed(record.last_person);
        record.machine.save(entry);
        append_entry(head, payload);
    }
    for (std::uint32_t id = 0; id < states_.size(); ++id) {
        const PointState& state = states_[id];
        if (state.readers.empty() || state.newest == WallTime{}) continue;
        payload.clear();
        entry.u8(point_entry);
        entry.varint(id);
        entry.zigzag(state.newest.time_since_epoch().count());
        entry.zigzag(state.late.time_since_epoch().count());
        entry.varint(state.late_in_row);
        entry.varint(state.quality.bits);
        save_value(entry, state.value);
        append_entry(head, payload);
    }
    dirty = false;
}

Result<Seq> RuleEngine::Impl::restore(std::span<const std::byte> snapshot, RuleMoment at,
                                      Effects& out) {
    (void)at;
    if (snapshot.empty()) {
        boot_ = {};  // the first record says where time begins
        now_ = {};
        return Seq{};
    }
    Unpacker in(snapshot);
    const auto magic = in.raw(kMagic.size());
    const auto version = in.u8();
    if (!in.ok() || as_text(magic) != kMagic)
        return Error{Errc::bad_frame, "the rules' state snapshot is unreadable", ""};
    if (version != kVersion)
        return Error{Errc::bad_frame, "the rules' state snapshot is of another version", ""};
    const Seq seq{in.varint()};
    const BootId boot{static_cast<std::uint32_t>(in.varint())};
    const MonoTime now{nanoseconds{in.zigzag()}};
    if (!in.ok()) return Error{Errc::bad_frame, "the rules' state snapshot is cut short", ""};
    if (ranks_stale_) rerank();
    boot_ = boot;
    now_ = now;
    last_seq_ = seq;
    cause_ = seq.value;
    while (in.ok() && !in.empty()) {
        const auto length = in.varint();
        const auto crc = in.fixed<std::uint32_t>();
        const auto payload = in.raw(length);
        if (in.ok() && crc32c(payload) == crc)
            restore_entry(payload, out);
        else
            AlarmBook::rule_event("gateway", "gateway", "state-lost",
                                  "a part of the rules' state was damaged and starts empty",
                                  cause(), out);
    }
    recount_silence();
    own_silences();
    book_.close_orphans(cause(), out);
    dirty = true;
    return seq;
}

void RuleEngine::Impl::restore_entry(std::span<const std::byte> bytes, Effects& out) {
    Unpacker in(bytes);
    bool good = true;
    switch (in.u8()) {
        case instance_entry:
            good = restore_instance(in, out);
            break;
        case alarm_entry:
            good = restore_alarm(in);
            break;
        case point_entry:
            good = restore_point(in);
            break;
        default:
            good = false;
    }
    if (!good)
        AlarmBook::rule_event("gateway", "gateway", "state-lost",
                              "a part of the rules' state does not fit and starts empty", cause(),
                              out);
}

bool RuleEngine::Impl::restore_instance(Unpacker& in, Effects& out) {
    const std::string id(in.text());
    const std::string device(in.text());
    const auto shape = in.fixed<std::uint64_t>();
    if (!in.ok()) return false;
    const auto rule = rules_.find(id);
    if (rule == rules_.end()) return true;  // removed meanwhile: nothing to restore
    const auto found = rule->second.instances.find(device);
    if (found == rule->second.instances.end() || !found->second->fault.empty()) return true;
    if (rule->second.spec->shape != shape) return true;  // edited meanwhile: starts fresh
    if (found->second->load(in, *this)) return true;
    detach(*found->second, out);
    rule->second.instances.erase(found);
    bind_instance(rule->second, device, false, nullptr, {boot_, now_}, out);
    rerank();
    return false;
}

bool RuleEngine::Impl::restore_alarm(Unpacker& in) {
    AlarmInfo info;
    for (std::string* text : {&info.alarm, &info.device, &info.point, &info.rule, &info.level,
                              &info.area, &info.text, &info.unit, &info.acked_by, &info.note})
        *text = in.text();
    const auto version = in.varint();
    const auto severity = in.u8();
    info.value = load_value(in);
    const bool limited = in.u8() != 0;
    const auto limit = in.fixed<double>();
    info.boot = BootId{static_cast<std::uint32_t>(in.varint())};
    info.since = MonoTime{nanoseconds{in.zigzag()}};
    const auto last_person = in.fixed<ActionId>();
    if (!in.ok() || info.alarm.empty() || severity > 3) return false;
    info.severity = static_cast<Severity>(severity);
    if (limited) info.limit = limit;
    AlarmRecord& record = book_.record(info.alarm);
    if (!record.machine.load(in)) return false;
    info.version = record.owned ? record.info.version : version;
    info.occurrence = info.alarm + "#" + std::to_string(record.machine.occurrence());
    record.info = std::move(info);
    record.last_person = last_person;
    return true;
}

bool RuleEngine::Impl::restore_point(Unpacker& in) {
    const auto id = in.varint();
    PointState state;
    state.newest = WallTime{nanoseconds{in.zigzag()}};
    state.late = WallTime{nanoseconds{in.zigzag()}};
    state.late_in_row = static_cast<std::uint32_t>(in.varint());
    state.quality.bits = static_cast<std::uint16_t>(in.varint());
    state.value = load_value(in);
    if (!in.ok()) return false;
    if (id >= states_.size()) return true;
    state.readers = std::move(states_[id].readers);
    states_[id] = std::move(state);
    return true;
}

void RuleEngine::Impl::recover(std::span<const Record> records) {
    std::size_t from = 0;
    while (from < records.size()) {
        const Record& record = records[from];
        if (record.is_sample()) {
            std::size_t end = from;
            while (end < records.size() && records[end].is_sample()) ++end;
            on_batch(records.subspan(from, end - from), held_);
            held_.routing.clear();
            held_.derived.clear();  // they are records of their own
            from = end;
            continue;
        }
        const Event& event = record.event();
        if (event.kind == EventKind::alarm || event.kind == EventKind::rule) {
            const auto change = json_member(event.members, "change");
            if (change == to_text(AlarmChange::acked) || change == to_text(AlarmChange::reset)) {
                come_to({event.boot, event.received}, held_);
            }
            (void)book_.recovered(event);
        }
        ++from;
    }
}

void RuleEngine::Impl::end_recovery(RuleMoment at, Effects& out) {
    enter(at.boot, at.now, held_);
    advance(at.now, true, at.boot, held_);
    for (EffectEvent& effect : held_.events) {
        if (book_.logged(effect.id)) continue;
        effect.event.flags |= flag::kReplayed;
        out.events.push_back(std::move(effect));
    }
    held_.clear();
    book_.end_recovery();
    dirty = true;
}

}  // namespace fog
