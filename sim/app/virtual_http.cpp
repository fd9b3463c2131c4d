#include "sim/app/virtual_http.hpp"

#include <algorithm>

#include "sim/links/http_carrier.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kWaiterWindow = 20ms;  // a gateway with somebody waiting commits this soon

class VirtualHttp final : public VirtualLink {
public:
    VirtualHttp(std::size_t place, const DeviceSpec& device, Endpoint endpoint,
                std::filesystem::path file, const VirtualSite& site)
        : VirtualLink(place, std::move(endpoint), std::move(file)), site_(site) {
        std::vector<Fault> none;  // check_links() has looked
        const Node empty = table({});
        ConfigView view(device.link.is_null() ? empty : device.link, none);
        held_ = view.choice("ack", "commit", {"commit", "held"}) == "held";
        batch_ = static_cast<std::size_t>(view.integer("batch", 1, 1, 1'000));
        buffer_ = static_cast<std::size_t>(view.integer("buffer", 10'000, 1, 1'000'000));
        counts_.connects = 1;
    }

    void take(Report&& report, WallTime source) override {
        if (queue_.size() >= buffer_) {
            site_.ledger.unsent(report.id, endpoint_.id, "buffer full", now());
            ++counts_.unsent;
            return;
        }
        queue_.emplace_back(std::move(report), source);
        send();
    }
    void fault(const FaultSpec&, bool) override {}  // there is none of its link
    bool has_timers() const override { return false; }
    void step() override {}
    MonoTime next() const override { return MonoTime::max(); }
    void committed(std::uint64_t token) override {
        if (flying_ == 0 || token != open_) return;
        answered();
        send();
    }
    std::size_t waiting() const override { return queue_.size(); }

private:
    MonoTime now() const { return site_.clock.mono(); }

    void send() {
        while (flying_ == 0 && !queue_.empty()) {
            flying_ = std::min(batch_, queue_.size());
            const std::vector<std::pair<Report, WallTime>> reports(
                queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(flying_));
            for (const auto& [report, source] : reports) {
                site_.ledger.sent(report, endpoint_.view(), source, now(), true);
                ++counts_.sent;
            }
            const std::string body = http_ingest_body(reports);
            bytes_.add(body + "\n");
            IngestItem item;
            item.kind = IngestKind::http;
            item.source = "http";
            item.topic = endpoint_.id;
            item.payload = as_bytes(body);
            open_ = held_ ? 0 : new_token();
            site_.gateway.push(item, open_);
            if (!held_) return site_.gateway.commit_within(kWaiterWindow);
            answered();
        }
    }
    void answered() {
        for (; flying_ > 0; --flying_) {
            site_.ledger.acked(queue_.front().first.id, now());
            ++counts_.acked;
            queue_.pop_front();
        }
    }

    VirtualSite site_;
    std::deque<std::pair<Report, WallTime>> queue_;  // the first `flying_` are in a request
    std::size_t flying_ = 0, batch_ = 1, buffer_ = 0;
    std::uint64_t open_ = 0;
    bool held_ = false;
};

}  // namespace

std::unique_ptr<VirtualLink> make_virtual_http(std::size_t place, const DeviceSpec& device,
                                               Endpoint endpoint, const std::filesystem::path& file,
                                               const VirtualSite& site) {
    return std::make_unique<VirtualHttp>(place, device, std::move(endpoint), file, site);
}

}  // namespace fog::sim
