#include "sim/app/replay_run.hpp"

#include <algorithm>

#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/core/reading_pack.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"
#include "rules/engine/alarm_book.hpp"
#include "sim/app/scratch_folder.hpp"
#include "sim/app/virtual_gateway.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kBegin{100s};
constexpr std::uint64_t kLogBytes = 256ULL << 20U;
constexpr std::size_t kPackedMost = 32;  // readings in one item
constexpr auto kSameClock = 1ms;

Scenario scenario_of(const std::vector<ReplayRule>& rules) {
    Scenario out;
    out.name = "replay";
    out.gateway.sinks.clear();
    out.gateway.log_bytes = kLogBytes;
    for (const ReplayRule& rule : rules) {
        out.gateway.rules.push_back(rule.id);
        out.files[rule.id + ".toml"] = rule.toml;
    }
    return out;
}

class Replay {
public:
    Replay(const Case& recorded, const CaseTime& time, Scenario scenario)
        : case_(recorded),
          time_(time),
          scenario_(std::move(scenario)),
          clock_(begin_of(), kBegin) {}

    Result<ReplayResult> run(const std::filesystem::path& state) {
        auto gateway =
            VirtualGateway::open({scenario_, state, state, clock_,
                                  [this](const SharedRecords& batch) { published(*batch); }, true});
        if (!gateway) return std::move(gateway).error();
        gateway_ = std::move(*gateway);
        for (const CaseEntry& entry : case_.entries) {
            // What lies between, then this one: timers of the same moment come after it.
            const SimTime at = std::max(time_.at(entry.boot, entry.received), at_);
            if (at > at_ || !same_item(entry)) {
                if (auto done = push(); !done) return std::move(done).error();
            }
            if (auto done = go_to(at); !done) return std::move(done).error();
            if (auto done = take(entry); !done) return std::move(done).error();
        }
        if (auto done = push(); !done) return std::move(done).error();
        gateway_->on_pipe([this](PipelineDesk& desk) {
            for (const AlarmInfo& alarm : desk.rules.alarms()) {
                if (alarm.state != AlarmState::normal)
                    out_.story.last[alarm.alarm] = to_text(alarm.state);
            }
        });
        if (auto done = gateway_->run(); !done) return std::move(done).error();
        if (auto done = gateway_->finish(); !done) return std::move(done).error();
        out_.lasted = at_;
        return std::move(out_);
    }

private:
    WallTime begin_of() const {
        if (!case_.entries.empty()) {
            const CaseEntry& first = case_.entries.front();
            bool trusted = false;
            if (const auto wall = time_.wall(first.boot, first.received, &trusted)) return *wall;
        }
        return kDefaultStart;
    }

    /// Time passes; rules whose timers are due are told at their time.
    Result<void> go_to(SimTime at) {
        if (at <= at_) return {};
        while (gateway_->next() < kBegin + at) {
            jump(gateway_->next());
            if (auto done = gateway_->run(); !done) return done;
        }
        jump(kBegin + at);
        at_ = at;
        return {};
    }
    void jump(MonoTime to) {
        if (to > clock_.mono()) clock_.advance(to - clock_.mono());
    }

    /// The gateway's wall clock as it was, with its steps.
    void set_clock(const CaseEntry& entry) {
        bool trusted = false;
        const auto wall = time_.wall(entry.boot, entry.received, &trusted);
        if (!wall) return;
        const auto off = *wall - clock_.wall();
        if (off < kSameClock && off > -kSameClock && trusted == clock_.trusted()) return;
        clock_.step_wall(off);
        clock_.set_trusted(trusted);
        gateway_->clock_changed();
    }

    /// Readings of one message came with one time and are judged together.
    bool same_item(const CaseEntry& entry) const {
        return entry.sample() != nullptr && entry.received == received_ &&
               readings_.size() < kPackedMost;
    }

    Result<void> take(const CaseEntry& entry) {
        received_ = entry.received;
        if (const CaseEvent* event = entry.event()) return take_event(*event);
        const CaseSample& sample = *entry.sample();
        if ((sample.flags & flag::kDerived) != 0) return {};
        set_clock(entry);
        const CasePoint& point = case_.points[sample.point];
        Reading reading;
        reading.device_key = "replay:" + point.device;
        reading.device_name = point.device;
        reading.point = point.point;
        reading.value = sample.value;
        reading.unit = point.unit;
        reading.source_time = sample.source;
        reading.quality = sample.quality;
        reading.flags = sample.flags & (flag::kHistoric | flag::kRetained);
        readings_.push_back(std::move(reading));
        return {};
    }

    /// What a person did; all else the gateway does by itself.
    Result<void> take_event(const CaseEvent& event) {
        if (event.change != "acked" && event.change != "reset") return {};
        const auto change =
            event.change == "acked" ? &RuleEngine::ack_alarm : &RuleEngine::reset_alarm;
        gateway_->on_pipe([event, change](PipelineDesk& desk) {
            // One that is not there here shows as a difference.
            (void)(desk.rules.*change)(event.alarm, event.by, event.note, desk.moment,
                                       desk.effects);
        });
        return gateway_->run();
    }

    Result<void> push() {
        if (!readings_.empty()) {
            Bytes packed;
            pack_readings(readings_, packed);
            IngestItem item;
            item.kind = IngestKind::readings;
            item.source = "replay";
            item.payload = packed;
            gateway_->push(item, 0);
            out_.samples += readings_.size();
            readings_.clear();
        }
        return gateway_->run();
    }

    void published(const std::vector<Record>& records) {
        for (const Record& record : records) {
            if (record.is_sample()) {
                if ((record.sample().flags & flag::kDerived) == 0) ++taken_;
                out_.refused = out_.samples > taken_ ? out_.samples - taken_ : 0;
                continue;
            }
            const Event& event = record.event();
            if (event.kind != EventKind::alarm) continue;
            const auto member = [&event](std::string_view key) {
                return std::string(json_member(event.members, key).value_or(""));
            };
            out_.story.steps.push_back(
                {member("alarm"), member("change"), member("state"), event.received - kBegin});
        }
    }

    const Case& case_;
    const CaseTime& time_;
    Scenario scenario_;
    FakeClock clock_;
    std::unique_ptr<VirtualGateway> gateway_;
    std::vector<Reading> readings_;
    MonoTime received_{};
    SimTime at_{};
    std::uint64_t taken_ = 0;
    ReplayResult out_;
};

}  // namespace

Result<std::vector<ReplayRule>> rules_of(const Case& recorded) {
    std::vector<ReplayRule> out;
    for (const CaseRule& rule : recorded.rules) {
        if (!rule.active) continue;
        std::vector<Fault> faults;
        const auto node = parse_json(rule.json, faults);
        auto toml = node ? write_toml(*node) : Result<std::string>(Error{});
        if (!toml) {
            return Error{Errc::bad_frame, "rule '" + rule.id + "' of the recording cannot be read",
                         "give the rules to replay with: --rules DIR"};
        }
        out.push_back({rule.id, std::move(*toml)});
    }
    return out;
}

Result<std::vector<ReplayRule>> rules_in(const std::filesystem::path& folder) {
    std::error_code ec;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ec)) {
        if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
    if (ec) {
        return Error{Errc::not_found, folder.string() + ": " + ec.message(),
                     "--rules is a folder of rule files, as rules.d"};
    }
    std::sort(files.begin(), files.end());
    std::vector<ReplayRule> out;
    for (const auto& file : files) {
        auto text = read_file(file);
        if (!text) return std::move(text).error();
        out.push_back({file.stem().string(), std::move(*text)});
    }
    return out;
}

Result<ReplayResult> replay_virtual(const Case& recorded, const CaseTime& time,
                                    const std::vector<ReplayRule>& rules) {
    set_log_level(LogLevel::error);  // the gateway's notices are no news here
    const ScratchFolder scratch;
    if (scratch.path().empty()) return Error{Errc::storage_error, "no folder for the log", {}};
    return Replay(recorded, time, scenario_of(rules)).run(scratch.path());
}

}  // namespace fog::sim
