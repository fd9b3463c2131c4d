#include "firmware/pipeline/awaited.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;  // end of an entry whose records got no numbers

bool is_plain_text(std::string_view payload) {
    return valid_utf8(payload) && std::none_of(payload.begin(), payload.end(), [](char c) {
               return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
           });
}

}  // namespace

Event raw_event(const IngestItem& item, BootId boot) {
    const std::string_view payload = as_text(item.payload);
    Event event;
    event.kind = EventKind::raw;
    event.channel = "mqtt/" + std::string(item.topic);
    event.device = "gateway";
    event.boot = boot;
    event.received = item.received;
    event.flags = static_cast<std::uint16_t>(item.simulated ? flag::kSimulated : 0U);
    event.members = "\"topic\":";
    append_json_string(event.members, item.topic);
    if (is_plain_text(payload)) {
        event.members += ",\"payload\":";
        append_json_string(event.members, payload);
    } else {
        event.members += ",\"payload64\":\"";
        append_base64(event.members, payload);
        event.members += '"';
    }
    if (!item.owed) return event;
    event.members += ",\"owed\":true,\"client\":";
    constexpr std::string_view kClient = "client:";
    const bool named = item.source.starts_with(kClient);
    append_json_string(event.members, named ? item.source.substr(kClient.size()) : item.source);
    if (item.retained) event.members += ",\"retain\":true";
    if (item.properties.empty()) return event;
    event.members += ",\"props64\":\"";
    append_base64(event.members, item.properties);
    event.members += '"';
    return event;
}

std::uint32_t AwaitedEntries::hand_over(std::span<const Record> records) {
    if (batch_.empty()) return 0;
    const auto count = static_cast<std::uint32_t>(batch_.size());
    for (Entry& one : batch_) {
        if (one.to > records.size())
            one = {one.number, 0, kNever};
        else if (one.from < one.to)
            one = {one.number, records[one.from].seq.value - 1, records[one.to - 1].seq.value};
        else
            one = {one.number, 0, 0};
    }
    if (!handed_.push(std::exchange(batch_, {})))
        log_error("pipeline", "too many batches wait for a commit");
    return count;
}

void AwaitedEntries::committed(const Committed& commit) {
    if (watcher_ == nullptr) return;
    std::vector<Batch> fresh;
    handed_.drain(fresh, SIZE_MAX, std::chrono::nanoseconds(0));
    for (auto& batch : fresh) undecided_.push_back(std::move(batch));
    CommitMark mark{commit.ring_entry, {}};
    const auto lost = [&commit](const Entry& one) {
        return one.to == kNever || touches(commit.lost, one.from, one.to);
    };
    // The store is given a batch whole, so one commit decides all of it.
    while (!undecided_.empty() && undecided_.front().back().number <= commit.ring_entry) {
        for (const Entry& one : undecided_.front())
            if (lost(one)) mark.refused.push_back(one.number);
        undecided_.pop_front();
    }
    if (mark.entry <= told_) return;
    told_ = mark.entry;
    watcher_->committed(mark);
}

}  // namespace fog
