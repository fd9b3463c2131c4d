#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cloud-uplink/encode/topic_template.hpp"
#include "cloud-uplink/sink.hpp"

namespace fog {

/// `record`: one record as one JSON object; `batch`: a JSON array of them.
enum class PayloadForm : std::uint8_t { record, batch };

/// The external JSON of a record, with `"hist":true` for catch-up.
void append_outgoing_json(std::string& out, const Outgoing& outgoing, const RecordContext& context);
/// About how many bytes that will be, without encoding it; for batches and scheduling.
std::size_t estimated_bytes(const Record& record);

/// One message of a broker-like target and the places in the batch it carries.
struct EncodedMessage {
    std::string topic;
    std::string payload;
    std::vector<std::size_t> places;
};

struct MessageShape {
    PayloadForm form = PayloadForm::record;
    TopicTemplate samples;
    TopicTemplate events;
    std::size_t message_bytes = 64U << 10U;  // a batch message is split before it passes this
    std::size_t message_records = 500;
};

/// What became of a batch in the encoder; `replaced` counts names changed for the topic.
struct EncodedBatch {
    std::vector<EncodedMessage> messages;
    std::vector<std::size_t> unnamed;  // places of samples whose point has no name
    std::size_t replaced = 0;
};
/// Turns a batch into messages. Records of one topic keep their order. Pure.
EncodedBatch encode_messages(std::span<const Outgoing> batch, const MessageShape& shape,
                             const RecordContext& context);

}  // namespace fog
