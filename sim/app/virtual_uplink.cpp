#include "sim/app/virtual_uplink.hpp"

#include <array>

#include "firmware/core/text.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBuffer = 64U << 10U;  // of what arrived, before it is handed over
constexpr int kMostSteps = 100'000;          // in one moment; more would be an endless loop

TopicTemplate topic(std::string_view text) {
    static constexpr std::array kParts = {TopicPart::gw, TopicPart::dev, TopicPart::pt,
                                          TopicPart::lane, TopicPart::kind};
    auto parsed = TopicTemplate::parse(text, kParts);
    return parsed ? std::move(*parsed) : TopicTemplate();
}

Selection everything() {
    Node yes;
    yes.data.emplace<bool>(true);
    const Node config = table({{"simulated", std::move(yes)}});
    std::vector<Fault> none;
    ConfigView view(config, none);
    return Selection::read(view);
}

PumpOptions options(std::uint64_t seed) {
    PumpOptions out;
    out.seed = seed;
    return out;
}

}  // namespace

VirtualFar::VirtualFar(const std::filesystem::path& file, std::string sink, const Clock& clock)
    : out_(file, std::ios::binary | std::ios::trunc),
      lines_(std::move(sink)),
      clock_(clock),
      queue_("sim-far", kArrived, Overflow::refuse),
      writer_([this] { write(); }) {}

void VirtualFar::take(std::string_view topic, std::string_view payload) {
    arrived_.bytes += topic;
    arrived_.bytes += payload;
    arrived_.messages.push_back(
        {topic.size(), payload.size(), clock_.mono().time_since_epoch().count()});
    if (arrived_.bytes.size() >= kBuffer) hand_over();
}

bool VirtualFar::finish() {
    if (!writer_.joinable()) return good_;
    if (!arrived_.messages.empty()) hand_over();
    hand_over();
    writer_.join();
    return good_;
}

void VirtualFar::hand_over() {
    room_.acquire();
    [[maybe_unused]] const bool taken = queue_.push(std::exchange(arrived_, {}));
}

void VirtualFar::write() {
    for (;;) {
        const auto arrived = queue_.pop(1s);
        if (!arrived) continue;
        room_.release();
        if (arrived->messages.empty()) break;
        write(*arrived);
    }
    out_.flush();
    good_ = out_.good();
}

void VirtualFar::write(const Arrived& arrived) {
    buffer_.clear();
    std::string_view rest = arrived.bytes;
    for (const Message& message : arrived.messages) {
        const std::string_view topic = rest.substr(0, message.topic);
        const std::string_view payload = rest.substr(message.topic, message.payload);
        rest.remove_prefix(message.topic + message.payload);
        const auto records = lines_.append(buffer_, payload, message.mono);
        if (records) continue;
        buffer_ += "{\"k\":\"other\",\"topic\":";
        append_json_string(buffer_, topic);
        buffer_ += ",\"why\":";
        append_json_string(buffer_, records.error().what);
        buffer_ += "}\n";
    }
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
}

VirtualSink::VirtualSink(VirtualFar& far, RecordContext context) : far_(far), context_(context) {
    shape_.samples = topic("fogline/{gw}/{dev}/{pt}");
    shape_.events = topic("fogline/{gw}/events/{kind}");
}

void VirtualSink::fault(const FaultSpec& fault, bool begins) {
    const bool answers_only =
        fault.kind == FaultKind::no_ack || fault.kind == FaultKind::lost_answer;
    (answers_only ? deaf_ : down_) += begins ? 1 : -1;
}

Result<void> VirtualSink::connect(MonoTime, const StepWords& step) {
    step("connecting");
    connected_ = down_ == 0;
    if (connected_) return {};
    return Error{Errc::unreachable, "the line to the cloud is down", {}};
}

std::vector<Verdict> VirtualSink::send(std::span<const Outgoing> batch, MonoTime) {
    if (!connected()) {
        connected_ = false;
        return std::vector<Verdict>(batch.size(), Retry{std::chrono::milliseconds{0}, "no line"});
    }
    const EncodedBatch encoded = encode_messages(batch, shape_, context_);
    for (const EncodedMessage& message : encoded.messages) {
        far_.take(message.topic, message.payload);
    }
    if (deaf_ > 0) {
        connected_ = false;
        return std::vector<Verdict>(batch.size(), Retry{std::chrono::milliseconds{0}, "no answer"});
    }
    std::vector<Verdict> out(batch.size(), Acked{});
    for (const std::size_t place : encoded.unnamed) out[place] = Refused{"the point has no name"};
    return out;
}

VirtualUplink::VirtualUplink(std::string id, std::uint8_t bit, std::unique_ptr<SinkLog> log,
                             const std::filesystem::path& far_file, const Site& site)
    : id_(std::move(id)),
      bit_(bit),
      selection_(everything()),
      log_(std::move(log)),
      far_(far_file, id_, site.clock),
      sink_(far_, site.records),
      clock_(site.clock),
      engine_(id_, "virtual", sink_, options(site.seed), {log_, site.clock, site.metrics, {}},
              orders_) {}

bool VirtualUplink::run() {
    const MonoTime now = clock_.mono();
    next_ = MonoTime::max();
    for (int i = 0; i < kMostSteps; ++i) {
        engine_.step();
        const auto waiting = log_.take_waiting();
        if (!waiting) continue;
        if (log_.head() > waiting->seen) continue;
        if (waiting->until <= now) continue;
        next_ = waiting->until;
        break;
    }
    return log_.take_settled();
}

}  // namespace fog::sim
