#include "cloud-uplink/sinks/mqtt/settings.hpp"

#include <algorithm>
#include <array>

namespace fog {
namespace {

constexpr std::array kSampleParts = {TopicPart::gw, TopicPart::dev, TopicPart::pt, TopicPart::lane};
// A batch goes to one topic. With the point in it the samples of one device could overtake
// each other.
constexpr std::array kBatchParts = {TopicPart::gw, TopicPart::dev, TopicPart::lane};
constexpr std::array kEventParts = {TopicPart::gw, TopicPart::dev, TopicPart::kind,
                                    TopicPart::lane};
constexpr std::array kStateParts = {TopicPart::gw};

TopicTemplate read_topic(ConfigView& config, std::string_view key, std::string_view otherwise,
                         std::span<const TopicPart> allowed) {
    const std::string text = config.text(key, otherwise);
    auto parsed = TopicTemplate::parse(text, allowed);
    if (parsed) return std::move(parsed).value();
    config.fault(key, "E0402",
                 "'" + std::string(key) + "' = \"" + text + "\": " + parsed.error().what,
                 parsed.error().hint);
    return {};
}

}  // namespace

MqttSinkSettings read_mqtt_sink(std::string_view id, ConfigView& config, const SinkSite& site) {
    MqttSinkSettings out;
    out.connection = read_mqtt_options(config);
    out.connection.clean_session = false;
    if (out.connection.client_id.empty())
        out.connection.client_id = "fogline-" + site.records.gateway + "-" + std::string(id);
    out.connection.window = static_cast<int>(
        config.integer("window", static_cast<std::int64_t>(site.limits.uplink_window), 1, 1000));

    const bool batch = config.choice("payload", "record", {"record", "batch"}) == "batch";
    out.shape.form = batch ? PayloadForm::batch : PayloadForm::record;
    out.shape.samples = batch
                            ? read_topic(config, "topic", "fogline/{gw}/{dev}", kBatchParts)
                            : read_topic(config, "topic", "fogline/{gw}/{dev}/{pt}", kSampleParts);
    out.shape.events =
        read_topic(config, "events_topic", "fogline/{gw}/events/{kind}", kEventParts);
    out.shape.message_records = site.limits.batch_records;
    out.shape.message_bytes = std::clamp<std::uint64_t>(
        config.size("message_bytes", site.limits.batch_bytes), 1024, site.limits.batch_bytes);

    if (config.has("state_topic") && config.text("state_topic").empty()) return out;
    read_topic(config, "state_topic", "fogline/{gw}/state", kStateParts)
        .append(out.state_topic, {site.records.gateway, {}, {}, {}, {}});
    out.connection.will_topic = out.state_topic;
    out.connection.will_payload = R"({"state":"offline"})";
    return out;
}

}  // namespace fog
