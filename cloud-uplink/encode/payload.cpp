#include "cloud-uplink/encode/payload.hpp"

#include <unordered_map>

namespace fog {
namespace {

// What the members of the external JSON take around the names and the value.
constexpr std::size_t kSampleBytes = 190;
constexpr std::size_t kEventBytes = 130;

bool has_name(const Record& record, const RecordContext& context) {
    return !record.is_sample() ||
           (context.points != nullptr && context.points->find(record.sample().point) != nullptr);
}

/// Collects messages; batch messages stay open by topic until they are full.
class Collector {
public:
    Collector(EncodedBatch& out, const MessageShape& shape) : out_(out), shape_(shape) {}

    void add(std::size_t place, std::string topic, std::string_view json) {
        if (shape_.form == PayloadForm::record) {
            out_.messages.push_back({std::move(topic), std::string(json), {place}});
            return;
        }
        const auto open = open_.find(topic);
        if (open != open_.end()) {
            EncodedMessage& message = out_.messages[open->second];
            if (message.places.size() < shape_.message_records &&
                message.payload.size() + json.size() + 2 <= shape_.message_bytes) {
                (message.payload += ',') += json;
                message.places.push_back(place);
                return;
            }
        }
        open_[topic] = out_.messages.size();
        out_.messages.push_back({std::move(topic), "[" + std::string(json), {place}});
    }
    void finish() {
        if (shape_.form == PayloadForm::record) return;
        for (EncodedMessage& message : out_.messages) message.payload += ']';
    }

private:
    EncodedBatch& out_;
    const MessageShape& shape_;
    std::unordered_map<std::string, std::size_t> open_;
};

}  // namespace

void append_outgoing_json(std::string& out, const Outgoing& outgoing,
                          const RecordContext& context) {
    const Record& record = *outgoing.record;
    append_record_json(out, record, context);
    const std::uint16_t flags = record.is_sample() ? record.sample().flags : record.event().flags;
    const bool late = (flags & flag::kHistoric) != 0;
    if (late && record.is_sample()) return;  // written with the record
    if (!outgoing.hist && !late) return;
    out.back() = ',';
    out += "\"hist\":true}";
}

std::size_t estimated_bytes(const Record& record) {
    if (!record.is_sample()) return kEventBytes + record.event().members.size();
    const auto* text = std::get_if<std::string>(&record.sample().value);
    return kSampleBytes + (text != nullptr ? text->size() : 0);
}

EncodedBatch encode_messages(std::span<const Outgoing> batch, const MessageShape& shape,
                             const RecordContext& context) {
    EncodedBatch out;
    if (shape.form == PayloadForm::record) out.messages.reserve(batch.size());
    Collector messages(out, shape);
    std::string json;
    json.reserve(2 * kSampleBytes);
    for (std::size_t place = 0; place < batch.size(); ++place) {
        const Record& record = *batch[place].record;
        if (!has_name(record, context)) {
            out.unnamed.push_back(place);
            continue;
        }
        const TopicTemplate& format = record.is_sample() ? shape.samples : shape.events;
        std::string topic;
        out.replaced += format.append(topic, topic_names(record, context));
        json.clear();
        append_outgoing_json(json, batch[place], context);
        messages.add(place, std::move(topic), json);
    }
    messages.finish();
    return out;
}

}  // namespace fog
