#include "sim/app/replay_gateway.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/http_client.hpp"
#include "sim/app/record_run.hpp"
#include "sim/app/scratch_folder.hpp"
#include "sim/cloud/json.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto kMargin = 1s;  // read back a little more than what was said

/// A name as one level of a path.
std::string path_text(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
        if (plain) {
            out += c;
        } else {
            ((out += '%') += kHex[byte >> 4U]) += kHex[byte & 0xFU];
        }
    }
    return out;
}

class GatewayReplay {
public:
    GatewayReplay(const Case& recorded, const CaseTime& time, HttpClient client)
        : case_(recorded), time_(time), client_(std::move(client)), begun_(Steady::now()) {}

    Result<ReplayResult> run(const ReplayTarget& target) {
        for (const CaseEntry& entry : case_.entries) {
            const SimTime at = std::max(time_.at(entry.boot, entry.received), at_);
            if (!same_message(entry, at)) {
                if (auto done = post(); !done) return std::move(done).error();
            }
            wait_until(at);
            if (auto done = take(entry); !done) return std::move(done).error();
        }
        if (auto done = post(); !done) return std::move(done).error();
        out_.lasted = at_;
        if (auto done = read_back(target); !done) return std::move(done).error();
        return std::move(out_);
    }

private:
    void wait_until(SimTime at) {
        at_ = at;
        std::this_thread::sleep_until(begun_ + at);
    }

    /// Readings that came with one time from one device were one message.
    bool same_message(const CaseEntry& entry, SimTime at) const {
        const CaseSample* sample = entry.sample();
        return sample != nullptr && at == at_ && case_.points[sample->point].device == device_ &&
               std::find(in_body_.begin(), in_body_.end(), sample->point) == in_body_.end();
    }

    Result<void> take(const CaseEntry& entry) {
        if (const CaseEvent* event = entry.event()) return take_event(*event);
        const CaseSample& sample = *entry.sample();
        if ((sample.flags & flag::kDerived) != 0) return {};
        const CasePoint& point = case_.points[sample.point];
        if (!first_) first_ = First{at_, point};
        device_ = point.device;
        body_ += body_.empty() ? "{" : ",";
        append_json_string(body_, point.point);
        body_ += R"(:{"value":)";
        append_value_json(body_, sample.value);
        if (!point.unit.empty()) {
            body_ += R"(,"unit":)";
            append_json_string(body_, point.unit);
        }
        body_ += "}";
        ++out_.samples;
        in_body_.push_back(sample.point);
        return {};
    }

    Result<HttpAnswer> send(std::string path, std::string body) {
        HttpCall call;
        call.method = "POST";
        call.path = std::move(path);
        call.body = std::move(body);
        call.headers.emplace_back("X-Fogline", "1");  // of the control socket
        auto answer = client_.send(call);
        if (!answer || (answer->status != 401 && answer->status != 403)) return answer;
        return Error{Errc::denied, "POST " + call.path + ": " + std::to_string(answer->status),
                     "--token T with the scopes ingest, ack:alarms, read:live and read:history"};
    }

    Result<void> post() {
        if (body_.empty()) return {};
        const auto answer = send("/api/v1/ingest/" + path_text(device_) + "?ack=held",
                                 std::exchange(body_, {}) + "}");
        if (!answer) return answer.error();
        if (answer->status != 200) {
            return Error{Errc::refused,
                         "device '" + device_ + "': " + std::to_string(answer->status) + " " +
                             text_of(parse_json(answer->body), "detail"),
                         {}};
        }
        const std::uint64_t taken = number_of(parse_json(answer->body), "accepted");
        out_.refused += in_body_.size() - std::min<std::uint64_t>(in_body_.size(), taken);
        in_body_.clear();
        device_.clear();
        return {};
    }

    /// What a person did; all else the gateway does by itself. One that is not there shows as a
    /// difference.
    Result<void> take_event(const CaseEvent& event) {
        const bool acked = event.change == "acked";
        if (!acked && event.change != "reset") return {};
        std::string body = R"({"note":)";
        append_json_string(body, event.note);
        const auto answer = send(
            "/api/v1/alarms/" + path_text(event.alarm) + (acked ? "/ack" : "/reset"), body + "}");
        if (!answer) return answer.error();
        return {};
    }

    /// The gateway's own log says what happened, in its own time.
    Result<void> read_back(const ReplayTarget& target) {
        const ScratchFolder scratch;
        if (scratch.path().empty()) return Error{Errc::storage_error, "no folder to work in", {}};
        RecordCommand command;
        command.gateway = target.gateway;
        command.token = target.token;
        const auto file = scratch.path() / "replayed.fog";
        auto records = record_case(command, Steady::now() - begun_ + kMargin, SimTime{0}, file);
        if (!records) return std::move(records).error();
        const auto replayed = load_case(file);
        if (!replayed) return replayed.error();
        const CaseTime time(*replayed);
        const auto began = std::find_if(
            replayed->entries.begin(), replayed->entries.end(), [&](const CaseEntry& entry) {
                return entry.sample() != nullptr && first_ &&
                       replayed->points[entry.sample()->point].device == first_->point.device &&
                       replayed->points[entry.sample()->point].point == first_->point.point;
            });
        out_.story = recorded_story(*replayed, time);
        if (began == replayed->entries.end()) return {};
        const SimTime off = time.at(began->boot, began->received) - first_->at;
        for (AlarmStep& step : out_.story.steps) step.at -= off;
        return {};
    }

    struct First {
        SimTime at;
        CasePoint point;
    };
    const Case& case_;
    const CaseTime& time_;
    HttpClient client_;
    Steady::time_point begun_;
    SimTime at_{};
    std::string device_, body_;
    std::vector<std::uint32_t> in_body_;  // points
    std::optional<First> first_;
    ReplayResult out_;
};

}  // namespace

Result<ReplayResult> replay_gateway(const Case& recorded, const CaseTime& time,
                                    const ReplayTarget& target) {
    HttpTarget http;
    http.url = target.gateway;
    http.token = target.token;
    auto client = HttpClient::open(std::move(http));
    if (!client) return std::move(client).error();
    return GatewayReplay(recorded, time, std::move(*client)).run(target);
}

}  // namespace fog::sim
