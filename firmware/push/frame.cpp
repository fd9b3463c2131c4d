#include "firmware/push/frame.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/http/ws_frame.hpp"

namespace fog {

std::string_view to_text(PushClass cls) {
    switch (cls) {
        case PushClass::alarm:
            return "alarm";
        case PushClass::reply:
            return "reply";
        case PushClass::live:
            return "live";
    }
    return "live";
}

std::uint8_t kind_index(const Record& record) {
    return record.is_sample() ? 8 : static_cast<std::uint8_t>(record.event().kind);
}

namespace {

PushClass class_of(const Record& record) {
    if (record.is_sample()) return PushClass::live;
    if (record.event().kind == EventKind::alarm) return PushClass::alarm;
    return record.event().kind == EventKind::command ? PushClass::reply : PushClass::live;
}

RecordBatch as_history(const Record& record) {
    auto copy = std::make_shared<std::vector<Record>>(1, record);
    if (copy->front().is_sample())
        copy->front().sample().flags |= flag::kHistoric;
    else
        copy->front().event().flags |= flag::kHistoric;
    return copy;
}

}  // namespace

Frame::Frame(RecordBatch batch, std::size_t index, const RecordContext& context,
             std::uint64_t epoch, bool historic)
    : batch_(std::move(batch)),
      index_(index),
      context_(&context),
      epoch_(epoch),
      historic_(historic) {
    if (historic) {
        batch_ = as_history(record());
        index_ = 0;
    }
    seq_ = record().seq;
    channel_ = channel_of(record(), context);
    kind_ = kind_index(record());
    cls_ = class_of(record());
    if (record().is_sample()) series_ = record().sample().point.value;
}

void Frame::encode() const {
    if (!text_.empty()) return;
    std::string out;
    out.reserve(384);
    out += "event: ";
    out += kind_text();
    out += '\n';
    data_at_ = static_cast<std::uint32_t>(out.size());
    out += "data: ";
    open_at_ = static_cast<std::uint32_t>(out.size());
    out += "{\"ev\":\"";
    out += kind_text();
    out += "\",\"ch\":";
    append_json_string(out, channel_);
    out += ",\"d\":";
    json_at_ = static_cast<std::uint32_t>(out.size());
    append_record_json(out, record(), *context_);
    open_end_ = static_cast<std::uint32_t>(out.size());
    out += "}\nid: ";
    out += position().text();
    out += "\n\n";
    text_ = std::move(out);
}

std::string_view Frame::json() const {
    encode();
    return std::string_view(text_).substr(json_at_, open_end_ - json_at_);
}

std::string_view Frame::open_envelope() const {
    encode();
    return std::string_view(text_).substr(open_at_, open_end_ - open_at_);
}

std::string_view Frame::sse(bool named) const {
    encode();
    return std::string_view(text_).substr(named ? 0 : data_at_);
}

std::string_view Frame::ws() const {
    if (!ws_.empty()) return ws_;
    const auto open = open_envelope();
    const std::string end = ",\"pos\":\"" + position().text() + "\"}";
    std::string out;
    out.reserve(open.size() + end.size() + 10);
    ws::append_header(out, ws::Opcode::text, open.size() + end.size());
    out += open;
    out += end;
    ws_ = std::move(out);
    return ws_;
}

void Gather::add_private(std::string_view text) {
    assert(used_ + text.size() <= scratch_.size());
    std::memcpy(scratch_.data() + used_, text.data(), text.size());
    add({scratch_.data() + used_, text.size()});
    used_ += text.size();
}

std::string Gather::tail(std::size_t from, std::size_t until) const {
    std::string out;
    std::size_t at = 0;
    for (const iovec& part : parts()) {
        const std::size_t begin = std::max(from, at);
        const std::size_t end = std::min(until, at + part.iov_len);
        if (begin < end)
            out.append(static_cast<const char*>(part.iov_base) + (begin - at), end - begin);
        at += part.iov_len;
    }
    return out;
}

}  // namespace fog
