#include "firmware/app/inputs.hpp"

#include <future>

#include "drivers/link/link.hpp"
#include "firmware/core/reading_pack.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr auto kRingWait = std::chrono::milliseconds(100);
constexpr auto kCommitWait = std::chrono::seconds(30);

}  // namespace

Inputs::Inputs(IngestRing& ring, Pipeline& pipeline, const Clock& clock, const Limits&,
               Metrics& metrics)
    : ring_(ring),
      pipeline_(pipeline),
      clock_(clock),
      refused_(metrics.counter("fogline_ingest_rejected_total", "reason=\"refused\"",
                               "messages not taken, by reason")),
      metrics_(metrics) {}

Inputs::~Inputs() {
    stop();
}

namespace {

// A password may stand in front of the host; it is nobody's business.
std::string without_user(std::string_view url) {
    const auto start = url.find("://");
    const auto host = start == std::string_view::npos ? 0 : start + 3;
    const auto at = url.find('@', host);
    if (at == std::string_view::npos) return std::string(url);
    return std::string(url.substr(0, host)) + std::string(url.substr(at + 1));
}

}  // namespace

void Inputs::add(const ObjectConfig& object, std::string_view type, std::vector<Fault>& faults) {
    Node node = object.node;
    node.set("id", Node(Node::Data(object.id), object.node.mark));
    if (!type.empty()) node.set("type", Node(Node::Data(std::string(type)), object.node.mark));
    auto driver = make_link(node, clock_, faults);
    if (!driver) return;
    drivers_.push_back(std::move(*driver));
    const std::string source = (type == "mqtt" ? "mqtt:" : "serial:") + object.id;
    count(source, drivers_.back());
    const Node* simulated = object.node.find("simulated");
    const bool* yes = simulated != nullptr ? simulated->boolean() : nullptr;
    if (yes != nullptr && *yes) simulated_.insert(source);
    const Node* url = type == "mqtt" ? object.node.find("url") : nullptr;
    if (url != nullptr && url->string() != nullptr)
        addresses_[source] = without_user(*url->string());
}

// What the driver counts, in /metrics under the name that its state has in /status.
void Inputs::count(const std::string& link, const std::shared_ptr<Driver>& driver) {
    const auto ask = [&](std::string_view name, const std::string& reason, std::string_view help,
                         std::uint64_t CodecStats::*member) {
        const std::string labels =
            "link=\"" + link + "\"" + (reason.empty() ? "" : ",reason=\"" + reason + "\"");
        metrics_.computed(name, labels, help, [weak = std::weak_ptr(driver), member] {
            const auto one = weak.lock();
            return one ? static_cast<double>(one->health().stats.*member) : 0.0;
        });
    };
    constexpr std::string_view kBad = "frames or messages of a link not taken, by reason";
    ask("fogline_link_frames_total", "", "frames or messages of a link", &CodecStats::frames);
    ask("fogline_link_bytes_total", "", "bytes of a link", &CodecStats::bytes);
    ask("fogline_link_discarded_bytes_total", "", "bytes of a link that were part of no frame",
        &CodecStats::discarded_bytes);
    ask("fogline_link_rejected_total", "crc", kBad, &CodecStats::bad_crc);
    ask("fogline_link_rejected_total", "frame", kBad, &CodecStats::bad_frame);
    ask("fogline_link_rejected_total", "undecodable", kBad, &CodecStats::undecodable);
    ask("fogline_link_rejected_total", "oversized", kBad, &CodecStats::oversized);
    ask("fogline_link_repeated_total", "", "frames a device sent again that were stored already",
        &CodecStats::repeated);
    ask("fogline_link_device_dropped_total", "", "readings a device says it lost before sending",
        &CodecStats::device_dropped);
    metrics_.computed("fogline_link_reconnects_total", "link=\"" + link + "\"",
                      "times a link came back", [weak = std::weak_ptr(driver)] {
                          const auto one = weak.lock();
                          return one ? static_cast<double>(one->health().reconnects) : 0.0;
                      });
}

void Inputs::open(std::span<const ObjectConfig> ports, std::span<const ObjectConfig> mqtt_sources,
                  std::vector<Fault>& faults) {
    for (const ObjectConfig& port : ports) add(port, {}, faults);
    for (const ObjectConfig& source : mqtt_sources) add(source, "mqtt", faults);
}

void Inputs::start() {
    for (const auto& driver : drivers_)
        if (auto started = driver->start(*this); !started) log_error("input", started.error().what);
}

void Inputs::stop() {
    stopping_ = true;
    for (const auto& driver : drivers_) driver->stop();
    drivers_.clear();
}

std::vector<LinkState> Inputs::links() const {
    std::vector<LinkState> all;
    for (const auto& [id, state] : links_) {
        all.push_back(state);
        if (const auto known = addresses_.find(id); known != addresses_.end())
            all.back().address = known->second;
    }
    return all;
}

const std::string* Inputs::fault_of(std::string_view source) const {
    const auto found = links_.find(source);
    return found != links_.end() && !found->second.up ? &found->second.words : nullptr;
}

bool Inputs::push(IngestItem& item, bool durable) {
    item.simulated = simulated_.contains(item.source);
    auto committed = std::make_shared<std::promise<bool>>();
    auto done = committed->get_future();
    for (;;) {
        IngestWaiter waiter;
        if (durable)
            waiter.tell = [committed](const IngestOutcome& outcome) {
                committed->set_value(outcome.error.empty());
            };
        switch (ring_.push(item, kRingWait, std::move(waiter))) {
            case IngestRing::Push::ok:
                return !durable ||
                       (done.wait_for(kCommitWait) == std::future_status::ready && done.get());
            case IngestRing::Push::full:  // the source waits: nothing is lost
                if (stopping_) return false;
                break;
            case IngestRing::Push::too_large:
            case IngestRing::Push::closed:
                refused_.add();
                return false;
        }
    }
}

bool Inputs::readings(std::string_view link, std::span<const Reading> readings, bool durable) {
    Bytes packed;
    pack_readings(readings, packed);
    IngestItem item;
    item.kind = IngestKind::readings;
    item.received = clock_.mono();
    item.source = link;
    item.payload = packed;
    return push(item, durable);
}

bool Inputs::message(std::string_view source, std::string_view topic,
                     std::span<const std::byte> payload, bool retained, bool duplicate,
                     bool durable) {
    IngestItem item;
    item.kind = IngestKind::message;
    item.received = clock_.mono();
    item.source = source;
    item.topic = topic;
    item.payload = payload;
    item.retained = retained;
    item.duplicate = duplicate;
    return push(item, durable);
}

void Inputs::raw(std::string_view link, std::span<const std::byte> bytes, std::string_view why) {
    pipeline_.run([link = std::string(link), bytes = Bytes(bytes.begin(), bytes.end()),
                   why = std::string(why), now = clock_.mono()](PipelineDesk& desk) {
        desk.registry.undecodable(link, "", bytes, why, now);
    });
}

void Inputs::link_state(std::string_view link, bool up, std::string_view words) {
    log_notice("input", std::string(link) + (up ? " up: " : " down: ") + std::string(words));
    pipeline_.run([this, id = std::string(link), up, words = std::string(words)](PipelineDesk&) {
        links_[id] = {id, up, words};
    });
}

}  // namespace fog
