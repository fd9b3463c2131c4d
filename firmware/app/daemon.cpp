#include "firmware/app/daemon.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "drivers/mqtt/dialects/topics.hpp"
#include "firmware/api/api.hpp"
#include "firmware/api/auth/auth_store.hpp"
#include "firmware/api/auth/routes.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/api/rule_files.hpp"
#include "firmware/app/environment.hpp"
#include "firmware/app/failure_page.hpp"
#include "firmware/app/inputs.hpp"
#include "firmware/app/mqtt_server.hpp"
#include "firmware/app/signals.hpp"
#include "firmware/app/uplinks.hpp"
#include "firmware/http/server.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/io/memory.hpp"
#include "firmware/io/tcp_doors.hpp"
#include "firmware/push/routes.hpp"
#include "firmware/web/assets.hpp"

namespace fog {
namespace {

constexpr auto kClockCheck = std::chrono::seconds(10);
constexpr auto kClockStep = std::chrono::seconds(1);
constexpr auto kPipeAlive = std::chrono::seconds(5);

Exit exit_for(const Error& error) {
    switch (error.code) {
        case Errc::denied:
            return Exit::denied;
        case Errc::busy:
            return Exit::again;
        case Errc::storage_full:
        case Errc::not_found:
            return Exit::cannot_create;
        case Errc::bad_config:
            return Exit::config;
        case Errc::storage_error:
            return Exit::io;
        case Errc::bad_frame:
        case Errc::bad_request:
        case Errc::conflict:
        case Errc::timeout:
        case Errc::unreachable:
        case Errc::refused:
        case Errc::internal:
            return Exit::internal;
    }
    return Exit::internal;
}

void say(const Error& error) {
    log_error("start", error.what);
    if (!error.hint.empty()) log_error("start", "help: " + error.hint);
}

void say(const std::vector<Fault>& faults) {
    for (const Fault& fault : faults)
        log(fault.warning ? LogLevel::warning : LogLevel::error, "config", to_text(fault));
}

LoadedConfig load_of(const DaemonOptions& options) {
    ConfigSources sources;
    sources.main = options.config;
    sources.environment = process_environment();
    sources.sets = options.sets;
    return load_config(sources);
}

/// Everything the process is made of, in the order of construction; torn down the other way round.
class Daemon {
public:
    explicit Daemon(DaemonOptions options) : options_(std::move(options)) {}
    Result<void> open();
    void run(Signals& signals);

private:
    Result<void> open_config();
    Result<void> open_state();
    Result<void> open_path();
    Result<void> open_listener();
    Result<void> open_mqtt();
    Result<void> bind(bool others);
    void add_boot_line();
    void watch_clock();
    void tell_opening();
    void tell_uplink(const PumpStatus& status);
    void emit(EventKind kind, std::string channel, std::string members);
    void reload_rules(std::string_view who);
    void begin_stop();
    std::string not_ready() const;

    const DaemonOptions options_;
    SystemClock clock_;
    const MonoTime started_ = clock_.mono();
    Config config_;
    Metrics metrics_;
    PointDirectory points_;
    BootTable boots_;
    Fd lock_;
    std::string gateway_;
    std::string kernel_boot_;
    EventLoop loop_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<IngestRing> ring_;
    std::unique_ptr<RuleEngine> rules_;
    std::unique_ptr<Registry> registry_;
    std::unique_ptr<Decoding> decoding_;
    std::unique_ptr<Uplinks> uplinks_;
    std::unique_ptr<Pipeline> pipeline_;
    std::unique_ptr<Inputs> inputs_;
    std::unique_ptr<AuthStore> auth_;
    std::unique_ptr<ObjectStore> rule_folder_;
    std::unique_ptr<GatewaySettings> settings_;
    std::optional<ApiParts> api_;
    Router router_;
    std::unique_ptr<PipelineAlarmDesk> alarm_desk_;
    std::unique_ptr<HttpServer> server_;
    std::unique_ptr<Hub> hub_;
    std::unique_ptr<MqttServer> mqtt_;
    SharedRecords last_records_;
    std::vector<std::string> later_;  // addresses bound once the box is claimed
    MonoTime clock_mono_{};
    WallTime clock_wall_{};
    std::uint16_t port_ = 0;
};

Result<void> Daemon::open_config() {
    auto loaded = load_of(options_);
    say(loaded.faults);
    say(loaded.object_faults);
    if (!loaded.good())
        return Error{Errc::bad_config, "the configuration has faults",
                     "foglined --check-config " + options_.config.string()};
    config_ = std::move(loaded.config);
    for (const auto& [word, level] :
         {std::pair{"error", LogLevel::error}, std::pair{"warning", LogLevel::warning},
          std::pair{"notice", LogLevel::notice}, std::pair{"debug", LogLevel::debug}})
        if (config_.log_level == word) set_log_level(level);
    return {};
}

Result<void> Daemon::open_state() {
    for (const auto& folder : {options_.state, options_.runtime})
        if (auto made = make_folder(folder); !made) return made;
    auto lock = lock_file(options_.state / "lock");
    if (!lock) return std::move(lock).error();
    lock_ = std::move(*lock);
    auto boot = kernel_boot_uuid();
    if (!boot) return std::move(boot).error();
    kernel_boot_ = *boot;
    if (config_.gateway.id.empty()) {
        auto id = gateway_id(options_.state);
        if (!id) return std::move(id).error();
        gateway_ = *id;
    } else {
        gateway_ = config_.gateway.id;
    }
    StoreOptions store;
    store.folder = options_.state;
    store.kernel_boot = kernel_boot_;
    store.clock = &clock_;
    store.boots = &boots_;
    store.metrics = &metrics_;
    store.limits = config_.limits;
    store.max_bytes = config_.limits.log_bytes;
    store.linger = config_.log.linger;
    store.waiter_window = config_.log.ack_wait;
    store.raw_age = std::chrono::ceil<std::chrono::hours>(config_.log.raw_age);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const LaneSection& from = config_.log.lanes[lane];
        store.share_percent[lane] = static_cast<unsigned>(std::lround(from.share * 100));
        store.max_age[lane] = std::chrono::ceil<std::chrono::hours>(from.max_age);
    }
    if (config_.mqtt_listener)  // 0 would be no cap
        store.raw_max = std::max<std::uint64_t>(
            1, static_cast<std::uint64_t>(config_.mqtt_listener->raw_max *
                                          static_cast<double>(store.max_bytes)));
    auto opened = Store::open(std::move(store));
    if (!opened) return std::move(opened).error();
    store_ = std::move(*opened);
    clock_.set_trusted(clock_is_plausible(clock_.wall()));
    add_boot_line();
    auto ring = IngestRing::open(options_.runtime / "ingest.ring", config_.limits.ring_bytes,
                                 kernel_boot_, store_->opened().ring_entry);
    if (!ring) return std::move(ring).error();
    ring_ = std::move(*ring);
    return {};
}

void Daemon::add_boot_line() {
    clock_mono_ = clock_.mono();
    clock_wall_ = clock_.wall();
    store_->add_boot_line({store_->opened().boot, clock_mono_, clock_wall_, clock_.trusted()});
}

void Daemon::watch_clock() {
    clock_.set_trusted(clock_is_plausible(clock_.wall()));
    const auto drift = (clock_.wall() - clock_wall_) - (clock_.mono() - clock_mono_);
    if (drift < kClockStep && drift > -kClockStep) return;
    add_boot_line();
    JsonOut out;
    out.member("topic", "clock").member("step_s", std::chrono::duration<double>(drift).count());
    emit(EventKind::system, "system/clock", out.take());
    log_notice("clock",
               "stepped by_s=" + std::to_string(std::chrono::duration<double>(drift).count()));
}

Result<void> Daemon::open_path() {
    const RecordContext context{gateway_, &points_, &boots_};
    rules_ = std::make_unique<RuleEngine>(points_, config_.limits, metrics_, &boots_);
    registry_ = std::make_unique<Registry>(points_, config_.limits);
    registry_->set_policies(config_.registry.fresh, config_.registry.fixed);
    decoding_ = std::make_unique<Decoding>(config_.limits, metrics_);
    uplinks_ = std::make_unique<Uplinks>(
        Uplinks::Site{*store_, context, config_.limits, clock_, metrics_,
                      [this](const PumpStatus& status) { tell_uplink(status); }});
    std::vector<Fault> faults;
    uplinks_->open(config_.uplinks, faults);
    pipeline_ = std::make_unique<Pipeline>(PipelineParts{
        *ring_, *store_, *rules_, *registry_, *decoding_, points_, boots_, clock_, config_.limits,
        metrics_, *uplinks_,
        [this](const SharedRecords& batch) { loop_.post([this, batch] { hub_->publish(batch); }); },
        store_->opened().boot, std::chrono::minutes(5),
        [this](std::string_view source) { return inputs_->fault_of(source); },
        [this](const StateWrite& row) {
            if (mqtt_) mqtt_->recovered(row);
        }});
    rule_folder_ = std::make_unique<ObjectStore>(options_.config.parent_path() / "rules.d");
    Effects ignored;  // at start nothing is bound yet, so nothing can be closed or raised
    auto rule_faults = apply_rules(read_rules(*rule_folder_), *rules_,
                                   {store_->opened().boot, clock_.mono()}, ignored, "file");
    faults.insert(faults.end(), rule_faults.begin(), rule_faults.end());
    auto last = pipeline_->recover();
    if (!last) return std::move(last).error();
    last_records_ = *last;
    inputs_ = std::make_unique<Inputs>(*ring_, *pipeline_, clock_, config_.limits, metrics_);
    inputs_->open(config_.ports, config_.mqtt_sources, faults);
    say(faults);
    return {};
}

Result<void> Daemon::open_listener() {
    AuthOptions auth;
    auth.state_file = options_.state / "auth.json";
    auth.claim_file = options_.runtime / "claim";
    auth.gateway_id = gateway_;
    auth.session = config_.auth.session;
    auth.claim_code_hash = config_.auth.claim_code_hash;
    auto opened = AuthStore::open(std::move(auth), clock_);
    if (!opened) return std::move(opened).error();
    auth_ = std::move(*opened);
    const RecordContext context{gateway_, &points_, &boots_};
    settings_ = std::make_unique<GatewaySettings>(GatewaySettings::Options{
        options_.state / "gateway.json", config_.gateway.name, host_name()});
    api_.emplace(ApiParts{*pipeline_, *store_, *ring_, clock_, config_.limits, metrics_, context,
                          *rule_folder_, *uplinks_, [this] { return inputs_->links(); }, *settings_,
                          FOG_VERSION, started_, [this] { return not_ready(); },
                          config_.metrics_open, config_.simulator.socket, config_.hash,
                          [this] { return mqtt_ ? mqtt_->port() : std::uint16_t{0}; }});
    HttpConfig settings;
    settings.gateway = settings_->get()->name;
    settings.allowed_hosts = config_.http.allowed_hosts;
    server_ = std::make_unique<HttpServer>(
        HttpParts{loop_, router_, *auth_, config_.limits, metrics_, web_assets(), options_.ui},
        std::move(settings));
    alarm_desk_ = std::make_unique<PipelineAlarmDesk>(*pipeline_);
    hub_ = std::make_unique<Hub>(
        HubParts{loop_, config_.limits, clock_, metrics_, *auth_, context, store_.get(),
                 [this](std::function<void()> job) { return server_->run_on_api(std::move(job)); },
                 alarm_desk_.get()});
    // Clients may have seen numbers of the last process that were never committed.
    hub_->reset({store_->opened().epoch, {store_->seqs().next().value - 1}});
    hub_->seed(last_records_);
    last_records_.reset();
    register_api(router_, *api_);
    add_auth_routes(router_, *auth_);
    register_push_routes(router_, *hub_, all_transports());
    if (auto bound = server_->listen_unix(options_.runtime / "control.sock"); !bound) return bound;
    for (const std::string& address : config_.http.listen)
        if (!TcpDoors::is_loopback(address)) later_.push_back(address);
    if (config_.http.listen.empty()) later_.emplace_back("::");
    return bind(false);
}

Result<void> Daemon::open_mqtt() {
    if (!config_.mqtt_listener) return {};
    mqtt::BrokerParts parts{loop_,    *ring_, *store_,    clock_,         config_.limits,
                            metrics_, *auth_, hub_.get(), never_ingested, is_command_topic};
    parts.log = store_.get();
    parts.run_on_api = [this](std::function<void()> job) {
        return server_->run_on_api(std::move(job));
    };
    parts.boot = store_->opened().boot;
    parts.tell = [this](std::string members) {
        emit(EventKind::system, "system/mqtt", std::move(members));
    };
    mqtt_ = std::make_unique<MqttServer>(*config_.mqtt_listener, std::move(parts), *pipeline_,
                                         options_.runtime);
    mqtt_->add_routes(router_);
    auto sessions = store_->state("mqtt.");
    if (!sessions) return std::move(sessions).error();
    if (auto opened = mqtt_->open(std::move(*sessions), ring_->counts().recovered_to); !opened)
        return opened;
    mqtt_->bind(auth_->claimed());
    return {};
}

// Loopback at once; every other address only once the box has an owner.
Result<void> Daemon::bind(bool others) {
    std::vector<std::string> addresses = later_;
    if (!others) {
        addresses.clear();
        for (const std::string& address : config_.http.listen)
            if (std::find(later_.begin(), later_.end(), address) == later_.end())
                addresses.push_back(address);
        if (addresses.empty()) addresses.emplace_back("127.0.0.1");
    }
    for (const std::string& address : addresses) {
        auto port = server_->listen(address, port_ != 0 ? port_ : config_.http.port);
        if (!port) return std::move(port).error();
        port_ = *port;
        log_notice("http", "listening address=" + address + " port=" + std::to_string(port_));
    }
    return write_file(options_.runtime / "port", std::to_string(port_) + "\n", 0644);
}

Result<void> Daemon::open() {
    for (const auto step : {&Daemon::open_config, &Daemon::open_state, &Daemon::open_path,
                            &Daemon::open_listener, &Daemon::open_mqtt})
        if (auto done = (this->*step)(); !done) return done;
    return {};
}

void Daemon::emit(EventKind kind, std::string channel, std::string members) {
    pipeline_->run(
        [kind, channel = std::move(channel), members = std::move(members)](PipelineDesk& desk) {
            EffectEvent effect;
            effect.lane = Lane::bulk;
            effect.event = {kind,    channel, "gateway", {}, desk.moment.boot, desk.moment.now,
                            members, 0};
            desk.effects.events.push_back(std::move(effect));
        });
}

void Daemon::tell_uplink(const PumpStatus& status) {
    // Numbers are asked for over the API; an event is worth flash only when the state changes.
    static thread_local std::optional<PumpState> said;
    if (said == status.state) return;
    said = status.state;
    log_notice("uplink",
               status.sink + ": " + std::string(to_text(status.state)) + " " + status.words);
    JsonOut out;
    out.member("sink", status.sink)
        .member("state", to_text(status.state))
        .member("words", status.words)
        .member("waiting", status.waiting);
    emit(EventKind::uplink, "uplinks/" + status.sink, out.take());
}

void Daemon::tell_opening() {
    const OpenReport& report = store_->opened();
    log_notice("start", "gateway=" + gateway_ + " version=" FOG_VERSION +
                            " boot=" + std::to_string(report.boot.value) +
                            (report.clean || report.created ? "" : " after_unclean_stop=1"));
    if (report.crash_hole)
        log_notice("store",
                   "numbers never used after=" + std::to_string(report.crash_hole->from.value) +
                       " upto=" + std::to_string(report.crash_hole->to.value));
    if (!report.replaced) return;
    log_error("store", "the log was damaged and is set aside as log.corrupt: " + report.damage);
    JsonOut out;
    out.member("topic", "storage")
        .member("text",
                "the log was damaged and was started anew; the old one is kept as log.corrupt")
        .member("damage", report.damage)
        .member("salvaged", report.salvaged)
        .member("unreadable", report.unreadable);
    emit(EventKind::system, "system/storage", out.take());
}

void Daemon::reload_rules(std::string_view who) {
    pipeline_->run(
        [this, folder = read_rules(*rule_folder_), who = std::string(who)](PipelineDesk& desk) {
            say(apply_rules(folder, *rules_, desk.moment, desk.effects, who));
            log_notice("rules", "reloaded files=" + std::to_string(folder.files.size()));
        });
}

std::string Daemon::not_ready() const {
    if (mqtt_ && !mqtt_->fault().empty()) return mqtt_->fault();
    const auto status = store_->status();
    return status.degraded ? "the log cannot be written: " + status.error : std::string();
}

// On the signal thread: sources first, then what is under way, then the clients.
void Daemon::begin_stop() {
    notify_supervisor("STOPPING=1");
    log_notice("stop", "stopping");
    if (mqtt_) mqtt_->stop_reading();
    inputs_->stop();
    pipeline_->stop();
    if (mqtt_) {
        // Its last publishes are acknowledged after this; else their clients send them again.
        if (auto kept = store_->flush(); !kept) log_warning("stop", kept.error().what);
        mqtt_->close();
    }
    loop_.post([this] {
        server_->stop_listening();
        hub_->drain([this] { loop_.stop(); });
    });
}

void Daemon::run(Signals& signals) {
    store_->start(pipeline_.get());
    pipeline_->start();
    uplinks_->start();
    inputs_->start();
    tell_opening();
    if (!auth_->claimed())
        log_notice("claim", "this gateway has no owner yet: code in " +
                                (options_.runtime / "claim").string() + " or by fogctl claim show");
    loop_.every(kClockCheck, [this] { watch_clock(); });
    loop_.every(std::chrono::seconds(1), [this] {
        if (mqtt_) mqtt_->bind(auth_->claimed());
        if (!later_.empty() && auth_->claimed()) {
            if (auto bound = bind(true); !bound) say(bound.error());
            later_.clear();
        }
        if (clock_.mono() - pipeline_->last_turn() < kPipeAlive) notify_supervisor("WATCHDOG=1");
    });
    signals.start([this] { begin_stop(); }, [this] { reload_rules("SIGHUP"); });
    notify_supervisor("READY=1");
    log_notice("start", "ready");
    release_start_memory();
    loop_.run();
    hub_.reset();
    server_->stop();
    uplinks_->stop();
    store_->stop();
    mqtt_.reset();  // heard of commits until now
    log_notice("stop", "stopped cleanly");
}

/// Whether someone restarts us: then a broken configuration must not become a dead port.
bool supervised() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment after start
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

/// Nothing: try again. Else it was stopped, or the page cannot be served either.
std::optional<Exit> wait_for_good_config(const DaemonOptions& options) {
    const LoadedConfig broken = load_of(options);
    if (broken.good()) return std::nullopt;
    EventLoop loop;
    Signals signals;
    std::atomic<bool> stopped{false};
    signals.start(
        [&loop, &stopped] {
            stopped = true;
            loop.stop();
        },
        [] {});
    if (auto made = make_folder(options.runtime); !made) return Exit::config;
    std::error_code fault;
    const bool claimed = std::filesystem::exists(options.state / "auth.json", fault);
    const auto served =
        serve_failure(loop, broken.config, {broken.faults, options.config}, claimed,
                      options.runtime / "port", [&options] { return load_of(options).good(); });
    if (stopped) return Exit::good;
    if (served) return std::nullopt;
    say(served.error());
    return Exit::config;
}

}  // namespace

Exit run_daemon(const DaemonOptions& options) {
    for (;;) {
        {
            Signals signals;
            Daemon daemon(options);
            auto opened = daemon.open();
            if (opened) {
                daemon.run(signals);
                return Exit::good;
            }
            say(opened.error());
            const bool waits = opened.error().code == Errc::bad_config && !options.strict &&
                               supervised() && !load_of(options).good();
            if (!waits) return exit_for(opened.error());
        }
        if (const auto ended = wait_for_good_config(options)) return *ended;
    }
}

}  // namespace fog
