#include "cloud-uplink/pump/engine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kSlice{1};              // longest wait without a look at orders and connection
constexpr milliseconds kSendTarget{500};  // so that an alarm does not wait a second behind a batch
constexpr std::size_t kFirstBatch = 50;
constexpr std::size_t kSmallestBatch = 10;
constexpr seconds kReadAgain{5};
constexpr seconds kLongestHold{3600};
constexpr Seq kNever{std::numeric_limits<std::uint64_t>::max()};

bool permanent(Errc code) {
    return code == Errc::denied || code == Errc::bad_config;
}

/// "16:40:12Z"
std::string time_of_day(WallTime time) {
    return to_rfc3339(time).substr(11, 8) + "Z";
}

}  // namespace

Engine::Counters Engine::counters(Metrics& metrics, std::string_view id) {
    const std::string sink = "sink=\"" + std::string(id) + "\"";
    return {metrics.counter("fogline_uplink_sent_total", sink, "records handed to the sink"),
            metrics.counter("fogline_uplink_delivered_total", sink, "records acknowledged"),
            metrics.counter("fogline_uplink_refused_total", sink, "records put in quarantine"),
            metrics.counter("fogline_uplink_retries_total", sink, "records sent that stayed owed"),
            metrics.counter("fogline_uplink_connects_total", sink, "connection attempts"),
            metrics.counter("fogline_uplink_verdicts_ignored_total", sink,
                            "verdicts for records that were not sent"),
            metrics.gauge("fogline_uplink_up", sink, "1 while connected"),
            metrics.gauge("fogline_uplink_in_flight", sink, "records sent and not answered")};
}

Engine::Engine(std::string id, std::string type, Sink& sink, const PumpOptions& options,
               const Pump::Site& site, PumpOrders& orders)
    : changed(site.changed),
      id_(std::move(id)),
      sink_(sink),
      options_(options),
      log_(site.log),
      clock_(site.clock),
      orders_(orders),
      counters_(counters(site.metrics, id_)),
      streams_(site.log, options_),
      schedule_(options.batch_bytes),
      backoff_(options.retry_min, options.retry_max, options.seed),
      batch_limit_(std::min(kFirstBatch, options.batch_records)) {
    status_.sink = id_;
    status_.type = std::move(type);
    status_.words = "not started";
    next_try_ = connected_at_ = hold_until_ = looked_at_ = clock_.mono();
    last_try_ = next_try_ - options_.retry_max;
    rated_acks_ = counters_.acknowledged.get();
}

void Engine::step() {
    owner_.check();
    const MonoTime now = clock_.mono();
    if (orders_.pause.load()) {
        if (status_.state != PumpState::paused) shut(PumpState::paused, "paused by a person");
        sleep(now + kSlice);
    } else if (online_) {
        serve();
    } else {
        if (status_.state == PumpState::paused) next_try_ = now;
        if (orders_.retry.exchange(false) && now - last_try_ >= options_.retry_min) next_try_ = now;
        if (now < next_try_)
            sleep(std::min(next_try_, now + kSlice));
        else
            connect();
    }
    look();
}

void Engine::shut(PumpState state, std::string words) {
    sink_.close();
    online_ = false;
    counters_.up.set(0);
    set(state, std::move(words));
}

void Engine::connect() {
    const MonoTime now = last_try_ = clock_.mono();
    counters_.connects.add();
    set(PumpState::connecting, "connecting");
    auto up = sink_.connect(now + options_.connect_timeout, [this](std::string_view step) {
        set(PumpState::connecting, std::string(step));
    });
    if (interrupted()) return;  // the next step, or the end, closes
    if (!up) return fail(std::move(up).error());
    online_ = true;
    acknowledged_ = false;
    connected_at_ = hold_until_ = clock_.mono();
    counters_.up.set(1);
    streams_.restart();
    log_notice("uplink", id_ + ": connected");
    set(PumpState::streaming, "connected");
}

void Engine::serve() {
    const MonoTime now = clock_.mono();
    if (!sink_.connected()) return fail({Errc::unreachable, "the connection was lost", {}});
    if (now < hold_until_) return sleep(std::min(hold_until_, now + kSlice));
    if (auto read = streams_.fill(batch_limit_, now); !read) {
        hold_until_ = now + kReadAgain;
        return set(PumpState::streaming, "cannot read the log: " + read.error().what);
    }
    Streams::Take take = this->take();
    Waiting waiting = streams_.waiting(now, take);
    auto kind = schedule_.next(waiting);
    if (!kind && !take.aside.empty()) {  // nothing to compare the suspects with
        take.aside = {};
        waiting = streams_.waiting(now, take);
        kind = schedule_.next(waiting);
    }
    if (kind) return send(streams_.next(*kind, now, take), waiting);
    idle(std::min(streams_.due(now).value_or(MonoTime::max()), now + kSlice));
}

Streams::Take Engine::take() const {
    Streams::Take take;
    take.records = isolation_.limit() == 0 ? batch_limit_ : isolation_.limit();
    take.aside = isolation_.aside();
    return take;
}

void Engine::send(Batch batch, const Waiting& waiting) {
    const auto records = batch.records.size();
    counters_.sent.add(records);
    counters_.in_flight.set(static_cast<std::int64_t>(records));
    const MonoTime began = clock_.mono();
    auto verdicts = sink_.send(batch.records, began + options_.ack_deadline);
    counters_.in_flight.set(0);
    schedule_.sent(batch.traffic, batch.bytes, waiting);
    const auto answered = static_cast<std::size_t>(
        std::count_if(verdicts.begin(), verdicts.end(),
                      [](const Verdict& one) { return !std::holds_alternative<Retry>(one); }));
    measure(records, answered, clock_.mono() - began);
    judge(batch, std::move(verdicts));
}

void Engine::judge(const Batch& batch, std::vector<Verdict> verdicts) {
    const auto records = batch.records.size();
    if (verdicts.size() > records) counters_.verdicts_ignored.add(verdicts.size() - records);
    verdicts.resize(records, Retry{milliseconds(0), "the sink gave no verdict"});
    const bool refused_whole =
        records > 1 && std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& one) {
            return std::holds_alternative<Refused>(one);
        });
    if (refused_whole) {
        counters_.retries.add(records);
        status_.last_error = std::get_if<Refused>(&verdicts.front())->why;
        status_.last_error_at = clock_.wall();
        return isolation_.refused_whole(records);
    }
    const Left left = left_of(batch, verdicts);  // before settle() removes records
    settle(batch, verdicts);
    if (!format_fault_.empty())
        return fail({Errc::bad_config,
                     "the target refuses our format: " + std::exchange(format_fault_, {}),
                     {}});
    if (left.records != 0) keep(left);
}

Engine::Left Engine::left_of(const Batch& batch, const std::vector<Verdict>& verdicts) {
    Left left;
    for (std::size_t n = 0; n < verdicts.size(); ++n) {
        const auto* retry = std::get_if<Retry>(&verdicts[n]);
        if (retry == nullptr) continue;
        ++left.records;
        left.after = std::max(left.after, retry->after);
        if (left.why.empty()) left.why = retry->why;
        if (retry->after != milliseconds(0)) continue;
        if (left.unanswered++ != 0) continue;
        left.front = batch.records[n].record->seq;
        left.lane = batch.records[n].record->lane;
        left.why = retry->why;
    }
    return left;
}

void Engine::settle(const Batch& batch, const std::vector<Verdict>& verdicts) {
    std::vector<Settled> outcomes;
    std::vector<std::size_t> places;
    std::vector<Seq> passed;
    std::size_t acks = 0;
    for (std::size_t n = 0; n < verdicts.size(); ++n) {
        const Record& record = *batch.records[n].record;
        const auto* refused = std::get_if<Refused>(&verdicts[n]);
        if (std::holds_alternative<Retry>(verdicts[n])) continue;
        if (refused != nullptr && !may_refuse()) {
            format_fault_ = refused->why;
            continue;
        }
        acks += refused == nullptr ? 1 : 0;
        outcomes.push_back({record.seq, record.lane, refused != nullptr,
                            refused != nullptr ? refused->why : std::string()});
        places.push_back(batch.places[n]);
        passed.push_back(record.seq);
    }
    if (outcomes.empty()) return;
    counters_.acknowledged.add(acks);
    counters_.refused.add(outcomes.size() - acks);
    isolation_.passed(passed);
    log_.settle(std::move(outcomes));
    streams_.erase(batch.stream, places);
    if (acks == 0) return;
    status_.last_ack = clock_.wall();
    acknowledged_ = true;
    set(PumpState::streaming, "streaming");
}

bool Engine::may_refuse() {
    const MonoTime now = clock_.mono();
    while (!refused_at_.empty() && now - refused_at_.front() > seconds(60)) refused_at_.pop_front();
    if (refused_at_.size() >= options_.refused_per_minute) return false;
    refused_at_.push_back(now);
    return true;
}

void Engine::keep(const Left& left) {
    counters_.retries.add(left.records);
    if (interrupted()) return;
    if (left.unanswered == 0) {
        hold_until_ = clock_.mono() + std::min<nanoseconds>(left.after, kLongestHold);
        if (left.after >= seconds(1))
            set(PumpState::streaming,
                "the target asks to wait " + duration_text(left.after) + ": " + left.why);
        return;
    }
    const bool broken = !sink_.connected();
    if (broken) {
        const auto guilty =
            isolation_.broke(left.front, std::min(left.unanswered, options_.window));
        if (guilty && may_refuse()) {
            counters_.refused.add();
            log_.settle({{*guilty, left.lane, true,
                          "the connection broke each time right after this record, while others "
                          "passed"}});
        }
    }
    fail({broken ? Errc::unreachable : Errc::timeout, left.why, {}});
}

void Engine::fail(Error error) {
    const MonoTime now = clock_.mono();
    if (online_ && acknowledged_ && now - connected_at_ >= options_.stable_after) backoff_.reset();
    sink_.close();
    const bool was_online = std::exchange(online_, false);
    counters_.up.set(0);
    const bool for_ever = permanent(error.code);
    const nanoseconds wait = for_ever ? options_.permanent_retry : backoff_.next();
    next_try_ = now + wait;
    if (was_online || error.what != status_.last_error)
        log_warning("uplink", id_ + ": " + error.what);
    const std::string until = time_of_day(clock_.wall() + wait);
    std::string words = for_ever ? error.what + "; next try at " + until
                                 : "backing off until " + until + ": " + error.what;
    if (!error.hint.empty()) words += " (" + error.hint + ")";
    status_.last_error = std::move(error.what);
    status_.last_error_at = clock_.wall();
    set(for_ever ? PumpState::failed : PumpState::backing_off, std::move(words));
}

void Engine::measure(std::size_t records, std::size_t answered, nanoseconds took) {
    if (took > kSendTarget) {
        const double part = std::chrono::duration<double>(kSendTarget) / took;
        const auto fits = static_cast<std::size_t>(static_cast<double>(answered) * part);
        batch_limit_ = std::clamp(fits, std::min(kSmallestBatch, options_.batch_records),
                                  options_.batch_records);
    } else if (records >= batch_limit_ && took <= kSendTarget / 2) {
        batch_limit_ = std::min(options_.batch_records, batch_limit_ * 2);
    }
}

void Engine::idle(MonoTime until) {
    log_.wait(streams_.seen(), until);
}

void Engine::sleep(MonoTime until) {
    log_.wait(kNever, until);
}

void Engine::set(PumpState state, std::string words) {
    if (status_.state == state && status_.words == words) return;
    if (status_.state != state) status_.since = clock_.wall();
    status_.state = state;
    status_.words = std::move(words);
    count();
    told_ = status_;
    if (changed) changed(status_);
}

void Engine::count() {
    status_.connected = online_;
    count(status_);
}

void Engine::count(PumpStatus& status) const {
    status.sent = counters_.sent.get();
    status.acknowledged = counters_.acknowledged.get();
    status.refused = counters_.refused.get();
    status.retries = counters_.retries.get();
    status.connects = counters_.connects.get();
    status.in_flight = static_cast<std::uint64_t>(counters_.in_flight.get());
}

void Engine::look() {
    const MonoTime now = clock_.mono();
    const auto past = std::chrono::duration<double>(now - looked_at_).count();
    count();
    if (past < 1) return;
    looked_at_ = now;
    const double latest = static_cast<double>(status_.acknowledged - rated_acks_) / past;
    rated_acks_ = status_.acknowledged;
    status_.rate = status_.rate == 0 ? latest : 0.7 * status_.rate + 0.3 * latest;
    if (status_.rate < 0.01) status_.rate = 0;
    std::uint64_t movable = 0;
    status_.waiting = 0;
    for (const LaneLedger& lane : log_.ledger().lanes) {
        status_.waiting += lane.waiting;
        movable += lane.waiting - std::min(lane.waiting, lane.dead);
    }
    status_.drain.reset();
    if (status_.rate > 0 && movable > 0)
        status_.drain =
            seconds(std::llround(std::ceil(static_cast<double>(movable) / status_.rate)));
    const bool moved = status_.acknowledged != told_.acknowledged || status_.sent != told_.sent ||
                       status_.waiting != told_.waiting || status_.rate != told_.rate;
    if (!moved) return;
    told_ = status_;
    if (changed) changed(status_);
}

}  // namespace fog
