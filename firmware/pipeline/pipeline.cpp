#include "firmware/pipeline/pipeline.hpp"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr std::size_t kBatchRecords = 512;
constexpr int kDerivedDepth = 8;
constexpr std::chrono::nanoseconds kIdle = std::chrono::milliseconds(100);
constexpr auto kRulesEvery = std::chrono::seconds(1);
constexpr std::string_view kRulesKey = "rules.snapshot";
constexpr std::string_view kRowsKey = "registry.seq";
constexpr std::string_view kPoliciesKey = "registry.new";
constexpr std::uint8_t kAlarmLane = 1U << static_cast<unsigned>(Lane::alarm);
constexpr std::size_t kAlarmsRead = 100'000;
constexpr std::uint64_t kSparksRead = 60'000;  // newest records looked at for sparklines
constexpr auto kPresenceEvery = std::chrono::seconds(1);

StateWrite seq_state(std::string_view key, Seq seq) {
    StateWrite write{std::string(key), {}};
    Packer(write.value).varint(seq.value);
    return write;
}

/// What is said of a device that fogsim speaks for stands for nothing real either.
bool simulated(const Registry& registry, std::string_view device) {
    const DeviceState* state = registry.device(device);
    if (state == nullptr) return false;
    return std::any_of(state->points.begin(), state->points.end(), [&](PointId id) {
        return (registry.point(id)->last.flags & flag::kSimulated) != 0;
    });
}

}  // namespace

Pipeline::Pipeline(PipelineParts parts)
    : parts_(std::move(parts)),
      jobs_("pipe-jobs", 1024, Overflow::refuse),
      waiting_("pipe-waiting", 65'536, Overflow::refuse),
      samples_(parts_.metrics.counter("fogline_ingest_samples_total", "", "samples accepted")),
      duplicates_(parts_.metrics.counter("fogline_ingest_duplicates_total", "",
                                         "samples heard again, not stored")),
      held_back_(parts_.metrics.counter("fogline_new_held_back_total", "",
                                        "readings of devices or points beyond the limits")),
      ignored_(parts_.metrics.counter("fogline_ingest_ignored_total", "",
                                      "readings of devices a person ignores")),
      shed_(parts_.metrics.counter("fogline_store_queue_shed_total", "",
                                   "records the store queue had no room for")),
      rules_seconds_(parts_.metrics.histogram("fogline_rule_evaluation_seconds", "",
                                              "time a batch spends in the rules")) {
    records_.reserve(kBatchRecords * 2);
}

Pipeline::~Pipeline() {
    stop();
}

Result<SharedRecords> Pipeline::recover() {
    auto devices = parts_.store.devices();
    if (!devices) return std::move(devices).error();
    auto points = parts_.store.points();
    if (!points) return std::move(points).error();
    parts_.registry.load(*devices, *points);
    Seq rules_from;
    Seq rows_from;
    auto state = parts_.store.state("");
    if (!state) return std::move(state).error();
    for (PointId id{1}; id.value <= parts_.registry.point_count(); ++id.value) {
        if (parts_.points.find(id) == nullptr) continue;
        const auto owner = parts_.registry.point(id)->device;
        if (parts_.registry.devices()[owner].admission == Admission::active)
            parts_.rules.point_appeared(id, moment(), effects_);
    }
    Bytes snapshot;
    for (StateWrite& one : *state) {
        if (one.key == kRowsKey) rows_from.value = Unpacker(one.value).varint();
        if (one.key == kPoliciesKey) parts_.registry.load_policies(one.value);
        if (one.key == kRulesKey) snapshot = std::move(one.value);
    }
    auto covered = parts_.rules.restore(snapshot, moment(), effects_);
    if (covered) rules_from = *covered;
    if (!covered) log_warning("rules", "state lost: " + covered.error().what);
    const bool have_rules = rules_from.value != 0;
    auto reader = parts_.store.open_reader();
    if (!reader) return std::move(reader).error();
    Seq at = have_rules ? std::min(rules_from, rows_from) : rows_from;
    std::uint64_t replayed = 0;
    for (;;) {
        auto page = (*reader)->read(at, {}, 2'000);
        if (!page) return std::move(page).error();
        for (const Record& record : page->records) parts_.registry.replay(record);
        if (have_rules) {
            const auto begin =
                std::find_if(page->records.begin(), page->records.end(),
                             [&](const Record& record) { return record.seq > rules_from; });
            parts_.rules.recover({begin, page->records.end()});
        }
        replayed += page->records.size();
        at = page->last;
        if (page->at_end) break;
    }
    parts_.rules.end_recovery(moment(), effects_);
    parts_.registry.begin(parts_.boot, parts_.clock.mono(), parts_.link_fault);
    refill_sparks(**reader);
    log_info("pipeline", "recovered devices=" + std::to_string(devices->size()) +
                             " points=" + std::to_string(points->size()) +
                             " records_replayed=" + std::to_string(replayed));

    auto last = parts_.registry.last_records();
    std::map<std::string, Record> alarms;
    Seq alarm_at;
    for (std::size_t read = 0; read < kAlarmsRead;) {
        auto page = (*reader)->read(alarm_at, {}, 2'000, kAlarmLane);
        if (!page) break;
        for (Record& record : page->records)
            if (!record.is_sample() && record.event().kind == EventKind::alarm)
                alarms[record.event().channel] = std::move(record);
        read += page->records.size();
        alarm_at = page->last;
        if (page->at_end) break;
    }
    for (auto& [channel, record] : alarms) last.push_back(std::move(record));
    std::sort(last.begin(), last.end(),
              [](const Record& a, const Record& b) { return a.seq < b.seq; });
    return std::make_shared<const std::vector<Record>>(std::move(last));
}

// The newest records bring the sparklines back. Bounded: a busy gateway gets less than full lines.
void Pipeline::refill_sparks(LogReader& reader) {
    const auto bounds = reader.bounds();
    if (!bounds) return;
    const Seq head = bounds->committed;
    const auto wanted = std::min(kSparksRead, Spark::kValues * parts_.registry.point_count());
    std::uint64_t from = head.value - std::min(head.value, wanted);
    // Numbers never used (a crash) hold no records: look as much further back.
    auto missing = reader.missing({}, head);
    if (missing)
        for (auto hole = missing->rbegin(); hole != missing->rend(); ++hole)
            if (hole->reason == MissingReason::crash && hole->to.value > from)
                from -= std::min(from, hole->to.value - hole->from.value);
    for (Seq at{from}; at < head;) {
        const auto page = reader.read(at, head, 2'000);
        if (!page) return;
        for (const Record& record : page->records) parts_.registry.remember(record);
        at = page->last;
        if (page->at_end) return;
    }
}

void Pipeline::start() {
    rules_saved_ = rows_saved_ = parts_.clock.mono();
    thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "fog-pipe");
        parts_.rules.adopt();
        loop();
    });
}

void Pipeline::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    jobs_.close();
    parts_.ring.close();
    thread_.join();
}

bool Pipeline::run(std::function<void(PipelineDesk&)> job) {
    if (!jobs_.push(std::move(job))) return false;
    parts_.ring.wake();
    return true;
}

void Pipeline::run_jobs() {
    while (auto job = jobs_.pop(std::chrono::nanoseconds(0))) {
        PipelineDesk desk{parts_.registry, parts_.rules, effects_, moment(), registry_changed_};
        (*job)(desk);
    }
}

void Pipeline::check_presence() {
    const auto now = parts_.clock.mono();
    if (now - presence_checked_ < kPresenceEvery) return;
    presence_checked_ = now;
    for (const PresenceChange& change : parts_.registry.check_presence(now)) {
        std::string members = "\"state\":";
        append_json_string(members, to_text(change.now.state));
        members += ",\"from\":";
        append_json_string(members, to_text(change.from));
        members += ",\"reason\":";
        append_json_string(members, change.now.reason);
        EffectEvent effect;
        effect.lane = Lane::live;
        effect.event = {EventKind::device,  "devices/" + change.device->id + "/state",
                        change.device->id,  {},
                        parts_.boot,        now,
                        std::move(members), 0};
        effects_.events.push_back(std::move(effect));
    }
}

void Pipeline::loop() {
    flush();  // effects of recovery
    while (turn(kIdle) || !stopping_) continue;
    finish();
}

void Pipeline::begin() {
    rules_saved_ = rows_saved_ = parts_.clock.mono();
    parts_.rules.adopt();
    flush();
}

bool Pipeline::turn() {
    return turn(std::chrono::nanoseconds(0));
}

/// True if it did something, so that there may be more to do.
bool Pipeline::turn(std::chrono::nanoseconds most) {
    last_turn_ = parts_.clock.mono().time_since_epoch().count();
    run_jobs();
    check_presence();
    auto wait = most;
    const auto now = parts_.clock.mono();
    if (const auto due = parts_.rules.next_timer())
        wait = std::clamp<std::chrono::nanoseconds>(*due - now, std::chrono::nanoseconds(0), wait);
    if (!effects_.events.empty() || !effects_.derived.empty()) wait = {};
    const bool took = take_items(std::chrono::ceil<std::chrono::milliseconds>(wait));
    flush();
    if (took) return true;
    // At equal time samples go before timers: only when the ring was found empty.
    const auto due = parts_.rules.next_timer();
    if (!due || *due > now) return false;
    parts_.rules.on_time({parts_.boot, now}, effects_);
    flush();
    return true;
}

void Pipeline::finish() {
    std::vector<PointRow> points;
    std::vector<DeviceRow> devices;
    StoreBatch last;
    parts_.registry.rows(true, last.points, last.devices);
    last.state.push_back(seq_state(kRowsKey, {parts_.store.seqs().next().value - 1}));
    Bytes snapshot;
    parts_.rules.save(snapshot);
    last.state.push_back({std::string(kRulesKey), std::move(snapshot)});
    parts_.store.append(std::move(last));
}

bool Pipeline::take_items(std::chrono::milliseconds wait) {
    IngestItem item;
    IngestWaiter waiter;
    std::uint64_t number = 0;
    bool recovered = false;
    bool took = false;
    while (records_.size() < kBatchRecords &&
           parts_.ring.pop(item, number, recovered, waiter,
                           took ? std::chrono::milliseconds(0) : wait)) {
        process(item, number, recovered, std::move(waiter));
        took = true;
    }
    return took;
}

void Pipeline::process(const IngestItem& item, std::uint64_t number, bool recovered,
                       IngestWaiter waiter) {
    batch_entry_ = number;
    if (item.kind == IngestKind::state) {
        keep_state(item.topic, item.payload, recovered);
        if (item.awaited) awaited_.add(number, records_.size(), records_.size());
        return;
    }
    if (!item.mark.empty()) {
        constexpr std::byte kSet{1};
        keep_state(item.mark, {&kSet, 1}, recovered);
    }
    if (item.apart) {
        const std::size_t at = records_.size();
        records_.push_back({{}, Lane::bulk, 0, raw_event(item, parts_.boot)});
        if (item.awaited) awaited_.add(number, at, records_.size());
        return;
    }
    Arrival arrival{parts_.boot, item.received, {}, 0, item.source, {}};
    bool trusted = false;
    if (const auto wall = parts_.boots.wall(parts_.boot, item.received, &trusted); wall && trusted)
        arrival.wall = *wall;
    if (item.simulated) arrival.flags |= flag::kSimulated;
    if (recovered) arrival.flags |= flag::kReplayed;
    collector_.clear();
    parts_.decoding.decode(item, arrival.wall, collector_);
    arrival.dialect = collector_.dialect;
    arrival.kind = collector_.kind;
    for (const auto& raw : collector_.raws)
        parts_.registry.undecodable(item.source, item.topic, as_bytes(raw.bytes), raw.why,
                                    item.received);
    IngestOutcome outcome;
    const std::size_t before = records_.size();
    touched_.clear();
    for (std::size_t i = 0; i < collector_.readings.size(); ++i) {
        auto got = parts_.registry.accept(collector_.readings[i], arrival);
        if (got.appeared && got.sample) appeared_.push_back(got.sample->point);
        if (!got.sample) {
            const bool again = got.why == "duplicate";
            const bool ignored = got.why == "ignored";
            if (again)
                duplicates_.add();
            else
                (ignored ? ignored_ : held_back_).add();
            if (!again)
                outcome.rejected.emplace_back(static_cast<std::uint32_t>(i), std::string(got.why));
            continue;
        }
        touched_.push_back(got.sample->point);
        const bool historic = (got.sample->flags & flag::kHistoric) != 0;
        records_.push_back({{}, historic ? Lane::bulk : Lane::live, 0, std::move(*got.sample)});
    }
    samples_.add(records_.size() - before);
    const bool whole = collector_.raws.empty() && outcome.rejected.empty() &&
                       (!collector_.readings.empty() || item.payload.empty());
    if (item.owed || (item.awaited && !whole))
        records_.push_back({{}, Lane::bulk, 0, raw_event(item, parts_.boot)});
    if (item.awaited) awaited_.add(number, before, records_.size());
    const bool packed = item.kind == IngestKind::readings;  // by a driver: not what it heard
    parts_.registry.heard({item.source, packed ? std::string_view{} : item.topic,
                           packed ? std::span<const std::byte>{} : item.payload, item.received,
                           collector_.dialect, collector_.why, collector_.runner_up},
                          touched_);
    if (!waiter) return;
    outcome.accepted =
        static_cast<std::uint32_t>(collector_.readings.size() - outcome.rejected.size());
    outcome.rejected.insert(outcome.rejected.end(), collector_.rejected.begin(),
                            collector_.rejected.end());
    outcome.refused = collector_.refused;
    batch_waiters_.push_back(
        {number, before, records_.size(), std::move(outcome), std::move(waiter)});
}

void Pipeline::keep_state(std::string_view key, std::span<const std::byte> value, bool recovered) {
    states_.push_back({std::string(key), Bytes(value.begin(), value.end())});
    if (recovered && parts_.state_recovered) parts_.state_recovered(states_.back());
}

void Pipeline::number_records(std::size_t from) {
    if (from == records_.size()) return;
    const auto first = parts_.store.seqs().take(records_.size() - from);
    if (!first) {
        log_error("pipeline", "out of sequence numbers: the log has failed for too long");
        shed_.add(records_.size() - from);
        records_.resize(from);
        return;
    }
    for (std::size_t i = from; i < records_.size(); ++i) {
        records_[i].seq.value = first->value + (i - from);
        parts_.registry.numbered(records_[i]);
    }
}

// Hands records from `from` on to the rules and applies what these say about each of them.
void Pipeline::judge(std::size_t from) {
    const auto begin = parts_.clock.mono();
    effects_.routing.clear();
    parts_.rules.on_batch(std::span(records_).subspan(from), effects_);
    rules_seconds_.record(std::chrono::duration<double>(parts_.clock.mono() - begin).count());
    dropped_.resize(records_.size(), false);
    for (std::size_t i = from; i < records_.size(); ++i) {
        const Routing* routing =
            i - from < effects_.routing.size() ? &effects_.routing[i - from] : nullptr;
        if (routing != nullptr && routing->has_lane) records_[i].lane = routing->lane;
        if (routing != nullptr && routing->drop == Drop::all) dropped_[i] = true;
        const bool raw = !records_[i].is_sample() && records_[i].event().kind == EventKind::raw;
        const bool dropped = routing != nullptr && routing->drop != Drop::no;
        const bool stays = raw || dropped || waits(records_[i]);
        records_[i].sinks = stays ? std::uint16_t{0}
                                  : parts_.sinks.owed_by(
                                        records_[i], routing != nullptr ? routing->sinks : nullptr);
    }
}

// Of a device nobody has kept yet: no sink is owed it.
bool Pipeline::waits(const Record& record) const {
    return record.is_sample() ? parts_.registry.provisional(record.sample().point)
                              : parts_.registry.provisional(record.event().device);
}

void Pipeline::add_derived() {
    for (int depth = 0; depth < kDerivedDepth && !effects_.derived.empty(); ++depth) {
        const auto derived = std::exchange(effects_.derived, {});
        const std::size_t from = records_.size();
        for (const Derived& one : derived) {
            Sample sample{{},       one.value,    one.quality,   one.source_time,
                          one.boot, one.received, flag::kDerived};
            if (simulated(parts_.registry, one.device)) sample.flags |= flag::kSimulated;
            auto got = parts_.registry.accept_derived(one.device, one.point, one.unit, sample);
            if (!got.sample) {
                held_back_.add();
                continue;
            }
            if (got.appeared) parts_.rules.point_appeared(got.sample->point, moment(), effects_);
            records_.push_back({{}, Lane::live, 0, std::move(*got.sample)});
        }
        number_records(from);
        judge(from);
    }
    effects_.derived.clear();
}

void Pipeline::add_events() {
    if (effects_.events.empty()) return;
    const std::size_t from = records_.size();
    for (EffectEvent& one : effects_.events) {
        if (simulated(parts_.registry, one.event.device)) one.event.flags |= flag::kSimulated;
        Record record{{}, one.lane, 0, std::move(one.event)};
        record.sinks = waits(record) ? std::uint16_t{0} : parts_.sinks.owed_by(record, nullptr);
        records_.push_back(std::move(record));
    }
    effects_.events.clear();
    number_records(from);
    dropped_.resize(records_.size(), false);
}

void Pipeline::flush() {
    if (idle()) return;
    for (const PointId id : appeared_)
        if (!parts_.registry.provisional(id)) parts_.rules.point_appeared(id, moment(), effects_);
    appeared_.clear();
    number_records(0);
    if (!records_.empty()) judge(0);
    add_derived();
    add_events();
    hand_over();
    records_.clear();
    dropped_.clear();
    effects_.clear();
    batch_waiters_.clear();
    batch_entry_ = 0;
}

/// Nothing came in and nothing is due: a turn for nothing costs nothing.
bool Pipeline::idle() const {
    const auto now = parts_.clock.mono();
    return records_.empty() && batch_entry_ == 0 && batch_waiters_.empty() && appeared_.empty() &&
           effects_.events.empty() && effects_.derived.empty() && !registry_changed_ &&
           !parts_.registry.has_fresh() && now - rows_saved_ < parts_.rows_every &&
           now - rules_saved_ < kRulesEvery;
}

void Pipeline::hand_over() {
    const auto now = parts_.clock.mono();
    StoreBatch batch;
    batch.ring_entry = batch_entry_;
    for (Pending& pending : batch_waiters_) {
        if (pending.to > records_.size()) {
            pending.outcome.error = "the log has no numbers left";
            pending.waiter.tell(pending.outcome);
            continue;
        }
        if (pending.from < pending.to) {
            pending.from = records_[pending.from].seq.value - 1;
            pending.to = pending.outcome.last_seq = records_[pending.to - 1].seq.value;
        }
        if (!pending.waiter.at_commit) {
            pending.waiter.tell(pending.outcome);
        } else if (degraded_) {
            pending.outcome.error = "the log cannot be written";
            pending.waiter.tell(pending.outcome);
        } else {
            ++batch.waiters;
            if (!waiting_.push(pending)) {
                pending.outcome.error = "too many wait for a commit";
                pending.waiter.tell(pending.outcome);
            }
        }
    }
    batch.waiters += awaited_.hand_over(records_);
    batch.state = std::exchange(states_, {});
    std::size_t kept = 0;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (dropped_[i]) continue;
        if (kept != i) records_[kept] = std::move(records_[i]);
        ++kept;
    }
    records_.resize(kept);
    const bool rows_due = now - rows_saved_ >= parts_.rows_every;
    parts_.registry.rows(rows_due, batch.points, batch.devices);
    if (rows_due) {
        rows_saved_ = now;
        batch.state.push_back(seq_state(kRowsKey, {parts_.store.seqs().next().value - 1}));
    }
    if (registry_changed_) {
        registry_changed_ = false;
        batch.state.push_back({std::string(kPoliciesKey), parts_.registry.packed_policies()});
        ++batch.waiters;  // nobody is told, but a decision of a person is not left to the linger
    }
    if (now - rules_saved_ >= kRulesEvery && parts_.rules.dirty()) {
        rules_saved_ = now;
        Bytes snapshot;
        parts_.rules.save(snapshot);
        batch.state.push_back({std::string(kRulesKey), std::move(snapshot)});
    }
    if (records_.empty() && batch.ring_entry == 0 && batch.points.empty() &&
        batch.devices.empty() && batch.state.empty())
        return;
    if (!records_.empty()) {
        // A vector of just their size: readers keep it for seconds, the room for a batch stays
        // here.
        auto shared = std::make_shared<const std::vector<Record>>(
            std::make_move_iterator(records_.begin()), std::make_move_iterator(records_.end()));
        records_.clear();
        parts_.publish(shared);
        batch.records = std::move(shared);
    }
    const Appended appended = parts_.store.append(std::move(batch));
    for (const auto count : appended.shed) shed_.add(count);
}

void Pipeline::committed(const Committed& commit) {
    parts_.ring.release(commit.ring_entry);
    awaited_.committed(commit);
    std::vector<Pending> fresh;
    waiting_.drain(fresh, SIZE_MAX, std::chrono::nanoseconds(0));
    for (Pending& pending : fresh) uncommitted_.push_back(std::move(pending));
    while (!uncommitted_.empty() && uncommitted_.front().entry <= commit.ring_entry) {
        Pending pending = std::move(uncommitted_.front());
        uncommitted_.pop_front();
        const bool lost = touches(commit.lost, pending.from, pending.to);
        pending.outcome.committed = !lost;
        if (lost) pending.outcome.error = "the log had no room for it";
        pending.waiter.tell(pending.outcome);
    }
}

void Pipeline::degraded(bool now, const Error& why) {
    degraded_ = now;
    awaited_.degraded(now);
    if (!now) {
        log_notice("store", "writes again");
        return;
    }
    log_error("store", "cannot commit: " + why.what);
    std::vector<Pending> fresh;
    waiting_.drain(fresh, SIZE_MAX, std::chrono::nanoseconds(0));
    for (Pending& pending : fresh) uncommitted_.push_back(std::move(pending));
    for (Pending& pending : uncommitted_) {
        pending.outcome.error = why.what;
        pending.waiter.tell(pending.outcome);
    }
    uncommitted_.clear();
}

}  // namespace fog
