#include "sim/links/http_carrier.hpp"

#include <pthread.h>

#include <algorithm>

#include "firmware/core/text.hpp"
#include "sim/links/report_json.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
constexpr auto kFirstPause = 200ms;
constexpr auto kLongestPause = 5'000ms;

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

/// The gateway will say the same of it again.
bool is_hopeless(unsigned status) {
    return status >= 400 && status <= 422 && status != 401 && status != 403 && status != 408;
}

}  // namespace

std::string http_ingest_body(std::span<const std::pair<Report, WallTime>> reports) {
    std::string out;
    if (reports.size() > 1) out += '[';
    for (const auto& [report, source] : reports) {
        if (out.size() > 1) out += ',';
        out += '{';
        append_report_members(out, report, source);
        out += '}';
    }
    if (reports.size() > 1) out += ']';
    return out;
}

HttpCarrier::HttpCarrier(Options options, Endpoint endpoint, Ledger& ledger, const Wake& wake)
    : options_(std::move(options)),
      endpoint_(std::move(endpoint)),
      ledger_(ledger),
      wake_(wake),
      requests_("sim-http-out", 1, Overflow::refuse),
      outcomes_("sim-http-facts", 2, Overflow::refuse) {}

HttpCarrier::~HttpCarrier() {
    stop();
}

Result<void> HttpCarrier::start(MonoTime) {
    auto client = HttpClient::open(options_.target);  // made again by the thread: it owns its own
    if (!client) return std::move(client.error()).in(endpoint_.id);
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "fog-sim-http");
    return {};
}

void HttpCarrier::stop() {
    stopping_ = true;
    requests_.close();
    if (thread_.joinable()) thread_.join();
}

void HttpCarrier::run() {
    auto client = HttpClient::open(options_.target);
    if (!client) return;  // start() has tried the same
    HttpCall call;
    call.method = "POST";
    call.path = "/api/v1/ingest/" + endpoint_.id + "?ack=" + options_.ack;
    while (!stopping_) {
        auto body = requests_.pop(500ms);
        if (!body || stopping_) continue;
        call.body = std::move(*body);
        const auto answer = client->send(call);
        Outcome outcome;
        outcome.at = mono_now();
        if (answer) {
            outcome.status = answer->status;
            outcome.why = "answered " + std::to_string(answer->status);
        } else {
            outcome.why = answer.error().what;
        }
        // One request gives one outcome, and there is room for two.
        [[maybe_unused]] const bool taken = outcomes_.push(std::move(outcome));
        wake_.signal();
    }
}

void HttpCarrier::take(const Report& report, WallTime source, MonoTime now) {
    if (ready_.size() >= options_.buffer) {
        ledger_.unsent(report.id, endpoint_.id, "buffer full", now);
        ++counts_.unsent;
        return;
    }
    ready_.push_back({report, source, false});
    stage(now);
}

void HttpCarrier::step(MonoTime now) {
    while (const auto outcome = outcomes_.pop(0ns)) on_outcome(*outcome, now);
    stage(now);
}

void HttpCarrier::on_outcome(const Outcome& outcome, MonoTime now) {
    const bool done = outcome.status >= 200 && outcome.status < 300;
    const bool hopeless = is_hopeless(outcome.status);
    if (done != answered_) {
        ledger_.link(endpoint_.id, done ? "connected" : "lost", done ? "" : outcome.why,
                     outcome.at);
        if (done) ++counts_.connects;
    }
    answered_ = done;
    if (done || hopeless) {
        for (; flying_ > 0; --flying_) {
            if (done) {
                ledger_.acked(ready_.front().report.id, outcome.at);
                ++counts_.acked;
            } else {
                ledger_.link(endpoint_.id, "refused",
                             "report " + std::to_string(ready_.front().report.id), outcome.at);
            }
            ready_.pop_front();
        }
        pause_ = kFirstPause;
        return;
    }
    flying_ = 0;
    retry_at_ = now + pause_;
    pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, kLongestPause);
}

void HttpCarrier::stage(MonoTime now) {
    if (flying_ > 0 || ready_.empty() || (retry_at_ && now < *retry_at_)) return;
    retry_at_.reset();
    flying_ = std::min(options_.batch, ready_.size());
    for (std::size_t i = 0; i < flying_; ++i) {
        Waiting& each = ready_[i];
        if (each.sent) {
            ledger_.resent(each.report.id, now);
            ++counts_.resent;
        } else {
            ledger_.sent(each.report, endpoint_.view(), each.source, now, true);
            ++counts_.sent;
        }
        each.sent = true;
    }
    staged_ = true;
}

void HttpCarrier::release(MonoTime) {
    if (!staged_) return;
    staged_ = false;
    std::vector<std::pair<Report, WallTime>> reports;
    for (std::size_t i = 0; i < flying_; ++i) {
        reports.emplace_back(ready_[i].report, ready_[i].source);
    }
    // The thread is idle while nothing flies, so there is room.
    [[maybe_unused]] const bool taken = requests_.push(http_ingest_body(reports));
}

std::optional<MonoTime> HttpCarrier::next_step() const {
    return retry_at_;
}

}  // namespace fog::sim
