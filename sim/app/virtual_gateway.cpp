#include "sim/app/virtual_gateway.hpp"

#include <algorithm>

#include "firmware/config/load.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostUncommitted = 4'000;  // items; the log's queue holds 16,384 records
constexpr const char* kBoot = "00000000-0000-4000-8000-000000000001";

}  // namespace

VirtualGateway::VirtualGateway(const Options& options)
    : scenario_(options.scenario),
      state_(options.state),
      out_(options.out),
      clock_(options.clock),
      published_(options.published) {
    limits_.log_bytes = scenario_.gateway.log_bytes;
    // What a scenario begins with was there before; only what floods in later is held back.
    limits_.new_devices_per_minute =
        options.replay ? limits_.devices
                       : std::max(limits_.new_devices_per_minute, scenario_.devices.size());
}

Result<std::unique_ptr<VirtualGateway>> VirtualGateway::open(const Options& options) {
    std::unique_ptr<VirtualGateway> out(new VirtualGateway(options));
    for (const auto step : {&VirtualGateway::open_store, &VirtualGateway::open_uplinks,
                            &VirtualGateway::load_rules}) {
        if (auto done = (out.get()->*step)(); !done) return std::move(done).error();
    }
    // The log's own thread is not started: flush() then commits here and now.
    out->pipeline_->begin();
    return out;
}

VirtualGateway::~VirtualGateway() {
    if (!finished_ && store_) store_->stop();
}

Result<void> VirtualGateway::open_store() {
    if (auto made = make_folder(state_); !made) return made;
    // A new log draws its generation at random, but goes on from one it finds.
    if (auto kept = write_file(state_ / "generation", "1\n"); !kept) return kept;
    StoreOptions store;
    store.folder = state_;
    store.kernel_boot = kBoot;
    store.clock = &clock_;
    store.boots = &boots_;
    store.metrics = &metrics_;
    store.limits = limits_;
    store.max_bytes = limits_.log_bytes;
    // Commits come when this class asks, not when real time passes.
    store.linger = store.waiter_window = 24h;
    store.most_waiters = SIZE_MAX;
    store.commit_records = SIZE_MAX;
    store.commit_bytes = SIZE_MAX;
    auto opened = Store::open(std::move(store));
    if (!opened) return std::move(opened).error();
    store_ = std::move(*opened);
    clock_changed();
    auto ring = IngestRing::open(state_ / "ingest.ring", limits_.ring_bytes, kBoot,
                                 store_->opened().ring_entry);
    if (!ring) return std::move(ring).error();
    ring_ = std::move(*ring);
    rules_ = std::make_unique<RuleEngine>(points_, limits_, metrics_, &boots_);
    registry_ = std::make_unique<Registry>(points_, limits_);
    decoding_ = std::make_unique<Decoding>(limits_, metrics_);
    pipeline_ = std::make_unique<Pipeline>(PipelineParts{
        *ring_, *store_, *rules_, *registry_, *decoding_, points_, boots_, clock_, limits_,
        metrics_, chooser_, [this](const SharedRecords& batch) { published_(batch); },
        store_->opened().boot});
    return {};
}

Result<void> VirtualGateway::open_uplinks() {
    const VirtualUplink::Site site{
        {name_, &points_, &boots_}, limits_, clock_, metrics_, scenario_.seed};
    for (const std::string& id : scenario_.gateway.sinks) {
        auto bit = store_->add_sink(id);
        if (!bit) return std::move(bit).error();
        auto log = store_->open_sink(id);
        if (!log) return std::move(log).error();
        uplinks_.push_back(std::make_unique<VirtualUplink>(id, *bit, std::move(*log),
                                                           out_ / ("far-" + id + ".jsonl"), site));
    }
    return {};
}

Result<void> VirtualGateway::load_rules() {
    Effects effects;
    std::string wrong;
    for (const std::string& name : scenario_.gateway.rules) {
        const std::string file = name + ".toml";
        std::vector<Fault> faults;
        auto object = parse_object(scenario_.files.at(file), file, faults);
        if (object) {
            auto more = rules_->load(object->id, object->node, 1, "scenario",
                                     {store_->opened().boot, clock_.mono()}, effects);
            faults.insert(faults.end(), more.begin(), more.end());
        }
        for (const Fault& fault : faults) {
            if (!fault.warning) wrong += (wrong.empty() ? "" : "\n") + to_text(fault);
        }
    }
    if (!wrong.empty()) return Error{Errc::bad_config, wrong, {}};
    auto recovered = pipeline_->recover();
    if (!recovered) return std::move(recovered).error();
    return {};
}

std::uint16_t VirtualGateway::Chooser::owed_by(const Record& record,
                                               const std::vector<std::string>* allowed) {
    const PointInfo* point =
        record.is_sample() ? owner_.points_.find(record.sample().point) : nullptr;
    std::uint16_t owed = 0;
    for (const auto& uplink : owner_.uplinks_) {
        const bool may = allowed == nullptr || std::find(allowed->begin(), allowed->end(),
                                                         uplink->id()) != allowed->end();
        if (may && uplink->selection().takes(record, point)) owed |= uplink->mask();
    }
    return owed;
}

void VirtualGateway::push(IngestItem item, std::uint64_t token) {
    item.received = clock_.mono();
    item.simulated = true;
    const auto waiter = [this, token] {
        IngestWaiter out;
        if (token == 0) return out;
        out.tell = [this, token](const IngestOutcome& outcome) {
            if (!outcome.committed) return;
            acked_.push_back(token);
        };
        return out;
    };
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto result = ring_->push(item, 0ms, waiter());
        if (result != IngestRing::Push::full) break;
        run_pipeline();
        (void)commit();  // a failing disk shows again in run()
    }
    if (!commit_at_) commit_at_ = clock_.mono() + scenario_.gateway.commit;
    ++pushed_;
}

void VirtualGateway::undecodable(std::string source, Bytes bytes, std::string why) {
    pipeline_->run([source = std::move(source), bytes = std::move(bytes), why = std::move(why),
                    now = clock_.mono()](PipelineDesk& desk) {
        desk.registry.undecodable(source, "", bytes, why, now);
    });
}

void VirtualGateway::run_pipeline() {
    while (pipeline_->turn()) {
        if (!commit_at_) commit_at_ = clock_.mono() + scenario_.gateway.commit;
    }
}

Result<void> VirtualGateway::run() {
    run_pipeline();
    const MonoTime now = clock_.mono();
    if (pushed_ >= kMostUncommitted || (commit_at_ && *commit_at_ <= now)) return commit();
    bool settled = false;
    for (const auto& uplink : uplinks_) {
        if (uplink->next() <= now) settled = uplink->run() || settled;
    }
    if (settled && !commit_at_) commit_at_ = now + scenario_.gateway.commit;
    return {};
}

Result<void> VirtualGateway::commit() {
    commit_at_.reset();
    pushed_ = 0;
    if (auto done = flush(); !done) return done;
    bool settled = false;
    for (const auto& uplink : uplinks_) settled = uplink->run() || settled;
    // What the sinks acknowledged is written with the next group.
    if (settled) commit_at_ = clock_.mono() + scenario_.gateway.commit;
    return {};
}

Result<void> VirtualGateway::flush() {
    if (auto done = store_->flush(); !done) return done;
    const StoreStatus status = store_->status();
    pipeline_->committed({status.committed, status.ring_entry, {}});
    return {};
}

MonoTime VirtualGateway::next() const {
    MonoTime next = commit_at_.value_or(MonoTime::max());
    if (const auto timer = pipeline_->next_timer()) next = std::min(next, *timer);
    for (const auto& uplink : uplinks_) next = std::min(next, uplink->next());
    return next;
}

std::vector<std::uint64_t> VirtualGateway::take_acked() {
    return std::exchange(acked_, {});
}

void VirtualGateway::fault(const FaultSpec& fault, bool begins) {
    for (const auto& uplink : uplinks_) {
        if (uplink->id() == fault.target) uplink->sink().fault(fault, begins);
    }
}

void VirtualGateway::clock_changed() {
    store_->add_boot_line({store_->opened().boot, clock_.mono(), clock_.wall(), clock_.trusted()});
}

bool VirtualGateway::settled() {
    if (commit_at_) return false;
    return std::all_of(uplinks_.begin(), uplinks_.end(), [](const auto& uplink) {
        const SinkLedger ledger = uplink->ledger();
        return uplink->sink().down() ||
               std::all_of(ledger.lanes.begin(), ledger.lanes.end(),
                           [](const LaneLedger& lane) { return lane.waiting == lane.dead; });
    });
}

std::string VirtualGateway::ledger_json(const SinkLedger& ledger) const {
    std::string out = "{\"sink\":";
    append_json_string(out, ledger.sink);
    out += ",\"lanes\":{";
    for (std::size_t i = 0; i < kLanes; ++i) {
        const LaneLedger& lane = ledger.lanes[i];
        if (i > 0) out += ",";
        append_json_string(out, to_text(static_cast<Lane>(i)));
        for (const auto& [name, value] :
             std::initializer_list<std::pair<const char*, std::uint64_t>>{
                 {":{\"accepted\":", lane.accepted},
                 {",\"acknowledged\":", lane.acknowledged},
                 {",\"waiting\":", lane.waiting},
                 {",\"shed\":", lane.shed},
                 {",\"expired\":", lane.expired}}) {
            out += name;
            append_uint(out, value);
        }
        out += "}";
    }
    out += "},\"causes\":{";
    for (const auto& [cause, count] : ledger.causes) {
        if (out.back() != '{') out += ",";
        append_json_string(out, cause);
        out += ":";
        append_uint(out, count);
    }
    return out + "}}\n";
}

Result<void> VirtualGateway::finish() {
    run_pipeline();
    pipeline_->finish();
    if (auto done = flush(); !done) return done;
    const StoreStatus status = store_->status();
    std::uint64_t written = 0;
    for (const std::uint64_t one : status.wear) written += one;
    std::string metrics = metrics_.render();
    metrics += "fogsim_store_bytes_written " + std::to_string(written) + "\n";
    if (auto done = write_file(out_ / "metrics.txt", metrics); !done) return done;
    for (const auto& uplink : uplinks_) {
        const auto file = out_ / ("ledger-" + uplink->id() + ".json");
        if (auto done = write_file(file, ledger_json(uplink->ledger())); !done) return done;
        uplink->stop();
        if (!uplink->far().finish()) {
            return Error{
                Errc::storage_error, "far-" + uplink->id() + ".jsonl: not all written", {}};
        }
    }
    finished_ = true;
    uplinks_.clear();
    store_->stop();
    return {};
}

}  // namespace fog::sim
