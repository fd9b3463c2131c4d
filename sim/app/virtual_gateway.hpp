#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/pipeline/pipeline.hpp"
#include "sim/app/virtual_uplink.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {

/// The gateway's own path in this process: ring, dialects, registry, rules, log, uplink engines. No
/// sockets, no threads, no clock of its own; time stands still while it works, so that a run is a
/// function of what goes in.
/// Thread: one. Blocks: in commit(), on the disk (a folder in memory is best).
class VirtualGateway {
public:
    struct Options {
        const Scenario& scenario;
        std::filesystem::path state;  // emptied by whoever made it
        std::filesystem::path out;    // for far-<sink>.jsonl
        FakeClock& clock;
        RecordPublisher published;  // what a subscribed client sees
        bool replay = false;        // all devices of a recording may appear at once
    };
    /// Errc::bad_config: a rule has faults. Else what the log says.
    static Result<std::unique_ptr<VirtualGateway>> open(const Options& options);
    ~VirtualGateway();
    VirtualGateway(const VirtualGateway&) = delete;
    VirtualGateway& operator=(const VirtualGateway&) = delete;

    /// Something arrived. `token` other than 0 is in take_acked() once it is on flash.
    void push(IngestItem item, std::uint64_t token);
    /// Somebody waits for what arrived: commits no later than this.
    void commit_within(std::chrono::nanoseconds window) {
        const MonoTime latest = clock_.mono() + window;
        if (commit_at_ && *commit_at_ > latest) commit_at_ = latest;
    }
    /// Bytes a link could not decode, for the discovery list.
    void undecodable(std::string source, Bytes bytes, std::string why);
    /// Works until nothing is left to do at this time; commits if that is due.
    Result<void> run();
    /// When run() is needed though nothing arrives.
    MonoTime next() const;
    /// Tokens whose items are on flash, since the last call.
    std::vector<std::uint64_t> take_acked();

    /// Done by the next run(), before what arrives after this call.
    void on_pipe(std::function<void(PipelineDesk&)> job) { pipeline_->run(std::move(job)); }

    void fault(const FaultSpec& fault, bool begins);
    /// The wall clock was stepped, or its trust changed.
    void clock_changed();
    /// Nothing waits for a commit or, with the line up, for a sink.
    bool settled();
    /// Saves and closes; then metrics.txt and ledger-<sink>.json are in `out`.
    Result<void> finish();
    const PointDirectory& points() const { return points_; }
    const std::vector<std::unique_ptr<VirtualUplink>>& uplinks() const { return uplinks_; }

private:
    class Chooser final : public SinkChooser {
    public:
        explicit Chooser(VirtualGateway& owner) : owner_(owner) {}
        std::uint16_t owed_by(const Record& record,
                              const std::vector<std::string>* allowed) override;

    private:
        VirtualGateway& owner_;
    };

    explicit VirtualGateway(const Options& options);
    Result<void> open_store();
    Result<void> open_uplinks();
    Result<void> load_rules();
    Result<void> commit();
    Result<void> flush();
    void run_pipeline();
    std::string ledger_json(const SinkLedger& ledger) const;

    const Scenario& scenario_;
    std::filesystem::path state_, out_;
    FakeClock& clock_;
    RecordPublisher published_;
    Limits limits_;
    Metrics metrics_;
    PointDirectory points_;
    BootTable boots_;
    std::string name_ = "gw-sim";
    std::unique_ptr<Store> store_;
    std::unique_ptr<IngestRing> ring_;
    std::unique_ptr<RuleEngine> rules_;
    std::unique_ptr<Registry> registry_;
    std::unique_ptr<Decoding> decoding_;
    Chooser chooser_{*this};
    std::unique_ptr<Pipeline> pipeline_;
    std::vector<std::unique_ptr<VirtualUplink>> uplinks_;
    std::optional<MonoTime> commit_at_;
    std::size_t pushed_ = 0;  // since the last commit
    std::vector<std::uint64_t> acked_;
    bool finished_ = false;
};

}  // namespace fog::sim
