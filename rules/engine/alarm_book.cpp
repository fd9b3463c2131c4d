#include "rules/engine/alarm_book.hpp"

#include <charconv>

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "rules/engine/rule_spec.hpp"

namespace fog {

namespace {

std::string hex_id(ActionId id) {
    std::string text(16, '0');
    for (std::size_t i = 0; i < 16; ++i) text[15 - i] = "0123456789abcdef"[(id >> (4 * i)) & 0xFU];
    return text;
}

ActionId action_id(const AlarmRecord& record, AlarmChange change, const AlarmCause& cause) {
    std::string text = record.info.alarm;
    for (const std::uint64_t part :
         {record.info.version, static_cast<std::uint64_t>(cause.boot.value), cause.number,
          static_cast<std::uint64_t>(change)})
        text += "/" + std::to_string(part);
    return stable_hash(text);
}

void add_text(std::string& out, std::string_view key, std::string_view value) {
    if (value.empty()) return;
    out += ",\"";
    out += key;
    out += "\":";
    append_json_string(out, value);
}

std::string members_of(const AlarmRecord& record, AlarmChange change, ActionId id) {
    const AlarmInfo& info = record.info;
    std::string out = "\"id\":\"" + hex_id(id) + "\"";
    add_text(out, "alarm", info.alarm);
    add_text(out, "occurrence", info.occurrence);
    add_text(out, "change", to_text(change));
    add_text(out, "state", to_text(record.machine.state()));
    if (record.machine.stale()) out += ",\"stale\":true";
    add_text(out, "severity", to_text(info.severity));
    add_text(out, "level", info.level);
    add_text(out, "pt", info.point);
    if (!is_null(info.value)) {
        out += ",\"v\":";
        append_value_json(out, info.value);
        add_text(out, "u", info.unit);
    }
    if (info.limit) {
        out += ",\"limit\":";
        append_double(out, *info.limit);
    }
    add_text(out, "text", info.text);
    add_text(out, "area", info.area);
    add_text(out, "rule", info.rule);
    out += ",\"version\":" + std::to_string(info.version);
    return out;
}

}  // namespace

AlarmRecord* AlarmBook::find(std::string_view id) {
    const auto found = records_.find(id);
    return found == records_.end() ? nullptr : &found->second;
}

void AlarmBook::announce(AlarmRecord& record, AlarmChange change, const AlarmCause& cause,
                         std::string_view by, std::string_view note, std::string_view reason,
                         Effects& out) {
    AlarmInfo& info = record.info;
    info.occurrence = info.alarm + "#" + std::to_string(record.machine.occurrence());
    const ActionId id = action_id(record, change, cause);
    if (change == AlarmChange::acked || change == AlarmChange::reset) record.last_person = id;
    EffectEvent effect;
    effect.id = id;
    effect.lane = Lane::alarm;
    effect.event.kind = EventKind::alarm;
    effect.event.channel = "alarms/" + info.alarm;
    effect.event.device = info.device;
    effect.event.boot = cause.boot;
    effect.event.received = cause.time;
    effect.event.members = members_of(record, change, id);
    add_text(effect.event.members, "by", by);
    add_text(effect.event.members, "note", note);
    add_text(effect.event.members, "reason", reason);
    out.events.push_back(std::move(effect));
}

void AlarmBook::rule_event(std::string_view rule, std::string_view device, std::string_view what,
                           std::string_view detail, const AlarmCause& cause, Effects& out) {
    EffectEvent effect;
    effect.id =
        stable_hash(std::string(rule) + "/" + std::string(device) + "/" + std::string(what) + "/" +
                    std::to_string(cause.boot.value) + "/" + std::to_string(cause.number));
    effect.lane = Lane::live;
    effect.event.kind = EventKind::rule;
    effect.event.channel = "rules/" + std::string(rule);
    effect.event.device = device;
    effect.event.boot = cause.boot;
    effect.event.received = cause.time;
    effect.event.members = "\"id\":\"" + hex_id(effect.id) + "\"";
    add_text(effect.event.members, "rule", rule);
    add_text(effect.event.members, "change", what);
    add_text(effect.event.members, "text", detail);
    out.events.push_back(std::move(effect));
}

void AlarmBook::close_orphans(const AlarmCause& cause, Effects& out) {
    for (auto& [id, record] : records_)
        if (!record.owned && record.machine.close())
            announce(record, AlarmChange::closed, cause, {}, {}, "rule removed", out);
}

bool AlarmBook::recovered(const Event& event) {
    const auto text = json_member(event.members, "id");
    if (!text || text->size() != 16) return false;
    ActionId id = 0;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), id, 16);
    if (ec != std::errc{} || end != text->data() + text->size()) return false;
    logged_.insert(id);
    const auto alarm = json_member(event.members, "alarm");
    const auto occurrence = json_member(event.members, "occurrence");
    const auto change = json_member(event.members, "change");
    AlarmRecord* record = alarm ? find(*alarm) : nullptr;
    if (record == nullptr || !occurrence || !change) return true;
    const auto hash = occurrence->rfind('#');
    const auto number =
        hash == std::string_view::npos ? std::nullopt : parse_int(occurrence->substr(hash + 1));
    if (!number || *number < 1) return true;
    const bool person =
        *change == to_text(AlarmChange::acked) || *change == to_text(AlarmChange::reset);
    if (!person || id == record->last_person) return true;
    if (static_cast<std::uint64_t>(*number) != record->machine.occurrence()) return true;
    record->last_person = id;
    if (*change == to_text(AlarmChange::acked))
        (void)record->machine.ack();
    else
        (void)record->machine.reset();
    record->info.acked_by = json_member(event.members, "by").value_or("");
    record->info.note = json_member(event.members, "note").value_or("");
    return true;
}

std::optional<std::string_view> json_member(std::string_view members, std::string_view key) {
    const auto string_end = [&](std::size_t at) {
        while (at < members.size() && members[at] != '"') at += members[at] == '\\' ? 2 : 1;
        return at;
    };
    for (std::size_t at = 0; at < members.size();) {
        if (members[at] != '"') {
            ++at;
            continue;
        }
        const auto name_end = string_end(at + 1);
        if (name_end + 1 >= members.size() || members[name_end + 1] != ':') return std::nullopt;
        const bool wanted = members.substr(at + 1, name_end - at - 1) == key;
        std::size_t from = name_end + 2;
        std::size_t end = from;
        if (from < members.size() && members[from] == '"') {
            end = string_end(++from);
            at = end + 1;
        } else {
            while (end < members.size() && members[end] != ',') ++end;
            at = end;
        }
        if (end > members.size()) return std::nullopt;
        if (wanted) return members.substr(from, end - from);
    }
    return std::nullopt;
}

}  // namespace fog
