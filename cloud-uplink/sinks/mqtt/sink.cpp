#include "cloud-uplink/sinks/mqtt/sink.hpp"

#include <algorithm>
#include <optional>

namespace fog {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// New messages are handed over this long in one send, so that a link that became slow does not keep
// an alarm waiting behind a large batch. What was handed over then has the rest of the deadline.
constexpr auto kHandOver = 1s;
constexpr auto kGoodbye = 300ms;
constexpr std::chrono::milliseconds kNotHandedOver{1};

}  // namespace

struct MqttSink::Transfer {
    enum class Fate : std::uint8_t { waiting, published, acknowledged };

    EncodedBatch batch;
    std::vector<Fate> fates;  // of messages
    std::size_t next = 0;     // first message not handed over
    std::unordered_map<std::int64_t, std::size_t> in_flight;
    std::string broken;  // why nothing more can come
    MonoTime stop_handing;

    bool finished() const { return in_flight.empty() && next == fates.size(); }
};

MqttSink::MqttSink(MqttSinkSettings settings, const SinkSite& site, std::string_view id)
    : settings_(std::move(settings)),
      records_(site.records),
      acks_ignored_(site.metrics.counter("fogline_uplink_acks_ignored_total",
                                         "sink=\"" + std::string(id) + "\"",
                                         "acknowledgements that were late or of nothing known")),
      names_replaced_(site.metrics.counter("fogline_uplink_names_replaced_total",
                                           "sink=\"" + std::string(id) + "\"",
                                           "names changed to fit a topic level")),
      notices_lost_(site.metrics.counter("fogline_queue_dropped_total",
                                         "queue=\"uplink-" + std::string(id) + "\"")),
      notices_("uplink-" + std::string(id),
               4 * static_cast<std::size_t>(settings_.connection.window) + 64, Overflow::refuse) {}

MqttSink::~MqttSink() {
    close();
}

MqttClient::Handlers MqttSink::handlers() {
    const auto tell = [this](Notice notice) {
        if (!notices_.push(std::move(notice))) notices_lost_.add();  // stays owed, sent again
    };
    MqttClient::Handlers out;
    out.lost = [tell](std::string why) { tell({Notice::Kind::lost, 0, std::move(why)}); };
    out.delivered = [tell](std::int64_t token, bool delivered, std::string why) {
        tell({delivered ? Notice::Kind::acknowledged : Notice::Kind::undelivered, token,
              std::move(why)});
    };
    return out;
}

Result<void> MqttSink::connect(MonoTime deadline, const StepWords& step) {
    step("connecting to " + settings_.connection.url);
    auto client = std::make_shared<MqttClient>(settings_.connection, handlers());
    std::atomic_store(&client_, client);
    if (interrupted_.load()) return Error{Errc::busy, "stopped", {}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
    auto up = client->connect(std::max(left, 1ms));
    if (!up) return std::move(up).error();
    std::vector<Notice> old;  // of connections before
    notices_.drain(old, notices_.counts().capacity, 0ns);
    announce("online", 0ms);
    return {};
}

/// Publishes our state, retained, and waits up to `wait` for its acknowledgement.
void MqttSink::announce(std::string_view state, std::chrono::milliseconds wait) {
    const auto client = std::atomic_load(&client_);
    if (settings_.state_topic.empty()) return;
    const std::int64_t token = -next_token_++;  // negative: no record
    const std::string payload = "{\"state\":\"" + std::string(state) + "\"}";
    if (!client->publish(token, settings_.state_topic, payload, 1, true)) return;
    for (const auto until = Steady::now() + wait; Steady::now() < until;) {
        const auto notice = notices_.pop(until - Steady::now());
        if (!notice || notice->kind == Notice::Kind::lost || notice->token == token) return;
        if (notice->kind == Notice::Kind::acknowledged) acks_ignored_.add();
    }
}

std::vector<Verdict> MqttSink::send(std::span<const Outgoing> batch, MonoTime deadline) {
    Transfer transfer;
    transfer.batch = encode_messages(batch, settings_.shape, records_);
    transfer.fates.resize(transfer.batch.messages.size(), Transfer::Fate::waiting);
    transfer.stop_handing = std::min<MonoTime>(deadline, Steady::now() + kHandOver);
    names_replaced_.add(transfer.batch.replaced);
    while (transfer.broken.empty() && !transfer.finished()) {
        hand_over(transfer);
        if (transfer.in_flight.empty()) break;
        const auto left = deadline - Steady::now();
        auto notice = left > 0ns ? notices_.pop(left) : std::nullopt;
        if (notice)
            note(transfer, *notice);
        else
            transfer.broken = "no acknowledgement in time";
    }
    return verdicts(transfer, batch.size());
}

void MqttSink::hand_over(Transfer& transfer) {
    const auto client = std::atomic_load(&client_);
    const auto window = static_cast<std::size_t>(settings_.connection.window);
    auto& messages = transfer.batch.messages;
    while (transfer.next < messages.size() && transfer.in_flight.size() < window &&
           transfer.broken.empty() && Steady::now() < transfer.stop_handing) {
        if (!client) {
            transfer.broken = "not connected";
            return;
        }
        const EncodedMessage& message = messages[transfer.next];
        auto given = client->publish(next_token_, message.topic, message.payload, 1, false);
        if (!given && given.error().code == Errc::busy) return;  // the window of the library
        if (!given) {
            transfer.broken = given.error().what;
            return;
        }
        transfer.fates[transfer.next] = Transfer::Fate::published;
        transfer.in_flight.emplace(next_token_++, transfer.next++);
    }
}

void MqttSink::note(Transfer& transfer, const Notice& notice) {
    switch (notice.kind) {
        case Notice::Kind::acknowledged: {
            const auto found = transfer.in_flight.find(notice.token);
            if (found == transfer.in_flight.end()) {
                if (notice.token > 0) acks_ignored_.add();
                return;
            }
            transfer.fates[found->second] = Transfer::Fate::acknowledged;
            transfer.in_flight.erase(found);
            return;
        }
        case Notice::Kind::undelivered:
            if (transfer.in_flight.count(notice.token) == 0) return;
            transfer.broken = notice.why.empty() ? "the connection was lost" : notice.why;
            return;
        case Notice::Kind::lost:
            transfer.broken = notice.why.empty() ? "the connection was lost" : notice.why;
            return;
        case Notice::Kind::interrupted:
            if (interrupted_.load()) transfer.broken = "stopped";
            return;
    }
}

std::vector<Verdict> MqttSink::verdicts(const Transfer& transfer, std::size_t records) {
    std::vector<Verdict> out(records, Refused{"its point is not in the registry any more"});
    for (std::size_t n = 0; n < transfer.fates.size(); ++n) {
        Verdict verdict = Acked{};
        if (transfer.fates[n] == Transfer::Fate::published)
            verdict = Retry{0ms, transfer.broken};
        else if (transfer.fates[n] == Transfer::Fate::waiting)
            verdict = Retry{kNotHandedOver, transfer.broken};
        for (const std::size_t place : transfer.batch.messages[n].places) out[place] = verdict;
    }
    return out;
}

bool MqttSink::connected() const {
    const auto client = std::atomic_load(&client_);
    return client && client->connected();
}

void MqttSink::close() {
    if (const auto client = std::atomic_load(&client_)) {
        if (client->connected()) {
            announce("offline", kGoodbye);
            client->disconnect(kGoodbye);
        }
        std::atomic_store(&client_, std::shared_ptr<MqttClient>());
    }
    std::vector<Notice> rest;
    notices_.drain(rest, notices_.counts().capacity, 0ns);
    for (const Notice& notice : rest)
        if (notice.kind == Notice::Kind::acknowledged && notice.token > 0) acks_ignored_.add();
    interrupted_.store(false);
}

void MqttSink::interrupt() {
    interrupted_.store(true);
    if (const auto client = std::atomic_load(&client_)) client->interrupt();
    (void)notices_.push({Notice::Kind::interrupted, 0, {}});
}

}  // namespace fog
