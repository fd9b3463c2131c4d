#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <thread>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/io/http_client.hpp"
#include "sim/links/carrier.hpp"

namespace fog::sim {

/// The body of some reports for `POST /api/v1/ingest/{dev}`: one object, or a list of them. Pure.
std::string http_ingest_body(std::span<const std::pair<Report, WallTime>> reports);

/// One device that posts its reports, oldest first, and waits for 2xx. What was not answered so is
/// sent again with the same ids and content; what the gateway calls wrong (400 to 422, except 408)
/// is given up and noted. Its thread `fog-sim-http` makes the calls.
class HttpCarrier final : public Carrier {
public:
    struct Options {
        HttpTarget target;           // url and token
        std::string ack = "commit";  // or "held"
        std::size_t batch = 1;       // reports per request, at most
        std::size_t buffer = 10'000;
    };
    HttpCarrier(Options options, Endpoint endpoint, Ledger& ledger, const Wake& wake);
    ~HttpCarrier() override;

    Result<void> start(MonoTime now) override;
    void take(const Report& report, WallTime source, MonoTime now) override;
    void step(MonoTime now) override;
    void release(MonoTime now) override;
    std::optional<MonoTime> next_step() const override;
    void fault(const FaultSpec&, bool, MonoTime) override {}
    std::string_view state() const override { return answered_ ? "answered" : "unanswered"; }
    bool settled() const override { return ready_.empty(); }
    void stop() override;
    std::size_t waiting() const override { return ready_.size(); }

private:
    struct Waiting {
        Report report;
        WallTime source;
        bool sent = false;
    };
    struct Outcome {
        unsigned status = 0;  // 0 = none
        std::string why;
        MonoTime at;
    };
    void run();
    void on_outcome(const Outcome& outcome, MonoTime now);
    void stage(MonoTime now);

    Options options_;
    Endpoint endpoint_;
    Ledger& ledger_;
    const Wake& wake_;
    std::deque<Waiting> ready_;  // the first `flying_` of them are in a request
    std::size_t flying_ = 0;
    bool staged_ = false;  // noted in the ledger, not yet handed over
    bool answered_ = false;
    std::optional<MonoTime> retry_at_;
    std::chrono::milliseconds pause_{200};
    BoundedQueue<std::string> requests_;
    BoundedQueue<Outcome> outcomes_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace fog::sim
