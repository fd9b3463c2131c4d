#include <cstdlib>
#include <iostream>

#include "firmware/core/text.hpp"
#include "firmware/io/http_client.hpp"
#include "sim/app/commands.hpp"
#include "sim/app/record_run.hpp"
#include "sim/app/replay_run.hpp"
#include "sim/cloud/json.hpp"
#include "sim/record/scrub.hpp"

namespace fog::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kPage = "5000";

/// The file while it is written; gone again unless keep() was called.
class Unfinished {
public:
    explicit Unfinished(std::filesystem::path file) : file_(std::move(file)) {}
    ~Unfinished() {
        std::error_code ignored;
        if (!kept_) std::filesystem::remove(file_, ignored);
    }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    const std::filesystem::path& path() const { return file_; }
    Result<void> keep(const std::filesystem::path& as) {
        std::error_code ec;
        std::filesystem::rename(file_, as, ec);
        if (ec) return Error{Errc::storage_error, as.string() + ": " + ec.message(), {}};
        kept_ = true;
        return {};
    }

private:
    std::filesystem::path file_;
    bool kept_ = false;
};

/// The API of a gateway.
class Source {
public:
    static Result<Source> open(const RecordCommand& command) {
        HttpTarget target;
        target.url = command.gateway;
        target.token = command.token;
        const char* given =
            std::getenv("FOGLINE_TOKEN");  // NOLINT(concurrency-mt-unsafe): no other thread yet
        if (target.token.empty() && given != nullptr) target.token = given;
        target.read = 60s;
        target.body_bytes = 64U << 20U;
        auto client = HttpClient::open(std::move(target));
        if (!client) return std::move(client).error();
        return Source(std::move(*client));
    }

    Result<json> get(const std::string& path) {
        HttpCall call;
        call.path = path;
        call.headers.emplace_back("X-Fogline", "1");  // of the control socket
        auto answer = client_.send(call);
        if (!answer) return std::move(answer).error();
        json body = parse_json(answer->body);
        if (answer->status == 200 && body.is_object()) return body;
        const std::string said = body.is_object() ? text_of(body, "detail") : std::string();
        Error error{Errc::refused,
                    "GET " + path.substr(0, path.find('?')) + ": " +
                        std::to_string(answer->status) + " " + said,
                    {}};
        if (answer->status == 401 || answer->status == 403)
            error.hint = "--token T with the scopes read:live and read:history";
        if (answer->status == 404) error.hint = "the gateway is older than this fogsim, or none";
        return error;
    }

private:
    explicit Source(HttpClient client) : client_(std::move(client)) {}
    HttpClient client_;
};

/// Percent-encodes what stands in times.
std::string query_text(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == ':' ? "%3A" : c == '+' ? "%2B" : std::string(1, c);
    return out;
}

class Recording {
public:
    /// `named`: where it goes with names, when `file` is to have none; else empty.
    Recording(Source source, std::filesystem::path file, std::filesystem::path named)
        : source_(std::move(source)), file_(std::move(file)), named_file_(std::move(named)) {}

    Result<void> run(SimTime last, SimTime lead) {
        auto status = source_.get("/api/v1/status");
        if (!status) return std::move(status).error();
        // Before the records: what stands and has no step in them stood before.
        auto alarms = source_.get("/api/v1/alarms");
        if (!alarms) return std::move(alarms).error();
        auto rules = source_.get("/api/v1/rules");
        if (!rules) return std::move(rules).error();
        const auto clock = status->find("clock");
        const auto now = clock != status->end() && clock->is_object()
                             ? parse_rfc3339(text_of(*clock, "time"))
                             : std::nullopt;
        if (!now) return Error{Errc::refused, "the gateway does not know the time", {}};
        judged_ = *now - last;
        auto page = source_.get("/api/v1/log/records?limit=" + std::string(kPage) +
                                "&from=" + query_text(to_rfc3339(judged_ - lead)));
        if (!page) return std::move(page).error();
        if (auto done = head(*status, *now, *page); !done) return done;
        for (const json& rule : (*rules)["items"]) {
            json line{{"k", "rule"},
                      {"id", text_of(rule, "id")},
                      {"version", number_of(rule, "version")},
                      {"by", text_of(rule, "by")},
                      {"active", flag_of(rule, "active", false)}};
            if (rule.contains("rule")) line["rule"] = rule["rule"];
            if (auto done = add(std::move(line)); !done) return done;
        }
        for (const json& alarm : (*alarms)["items"]) {
            if (auto done = add({{"k", "alarm"},
                                 {"alarm", text_of(alarm, "alarm")},
                                 {"state", text_of(alarm, "state")}});
                !done) {
                return done;
            }
        }
        return pages(std::move(*page));
    }

    std::uint64_t records() const { return records_; }
    Result<void> finish() {
        if (named_) {
            if (auto done = named_->finish(); !done) return done;
        }
        return writer_->finish();
    }

private:
    Result<void> head(const json& status, WallTime now, const json& page) {
        auto writer = CaseWriter::open(file_);
        if (!writer) return std::move(writer).error();
        writer_.emplace(std::move(*writer));
        if (!named_file_.empty()) {
            auto named = CaseWriter::open(named_file_);
            if (!named) return std::move(named).error();
            named_.emplace(std::move(*named));
        }
        // The first record is the beginning of the case's time.
        json line{{"k", "case"},
                  {"version", 1},
                  {"gateway", text_of(page, "gw")},
                  {"software", text_of(status, "version")},
                  {"config_hash", text_of(status, "config_hash")},
                  {"made", to_rfc3339(now)},
                  {"judged_s", 0.0}};
        BootTable boots;
        for (const json& boot : page.value("boots", json::array())) {
            boots.add({{static_cast<std::uint32_t>(number_of(boot, "boot"))},
                       MonoTime{std::chrono::nanoseconds{number_of(boot, "mono")}},
                       WallTime{std::chrono::nanoseconds{number_of(boot, "utc")}},
                       flag_of(boot, "trusted", false)});
        }
        const json items = page.value("items", json::array());
        if (!items.empty()) {
            const json& first = items.front();
            const auto began =
                boots.wall({static_cast<std::uint32_t>(number_of(first, "boot"))},
                           MonoTime{std::chrono::nanoseconds{number_of(first, "mono")}});
            // Without a lead all of it is judged.
            if (began && *began < judged_)
                line["judged_s"] = std::chrono::duration<double>(judged_ - *began).count();
        }
        if (auto done = add(std::move(line)); !done) return done;
        for (const json& boot : page.value("boots", json::array())) {
            json copy = boot;
            copy["k"] = "boot";
            if (auto done = add(std::move(copy)); !done) return done;
        }
        return {};
    }

    Result<void> pages(json page) {
        const std::string upto = std::to_string(number_of(page, "committed"));
        for (;;) {
            for (const json& hole : page.value("missing", json::array())) {
                json line = hole;
                line["k"] = "missing";
                if (auto done = add(std::move(line)); !done) return done;
            }
            for (json& item : page["items"]) {
                item["k"] = "record";
                if (auto done = add(std::move(item)); !done) return done;
                ++records_;
            }
            const std::string next = text_of(page, "next");
            if (next.empty()) return {};
            auto more = source_.get("/api/v1/log/records?limit=" + std::string(kPage) +
                                    "&after=" + next + "&upto=" + upto);
            if (!more) return std::move(more).error();
            page = std::move(*more);
        }
    }

    Result<void> add(json line) {
        remove_secrets(line);
        if (named_) {
            if (auto done = named_->line(line); !done) return done;
            namer_.apply(line);
        }
        return writer_->line(line);
    }

    Source source_;
    std::filesystem::path file_, named_file_;
    Namer namer_;
    std::optional<CaseWriter> writer_, named_;
    WallTime judged_{};
    std::uint64_t records_ = 0;
};

Result<StoryDifference> replayed(const Case& recorded) {
    auto rules = rules_of(recorded);
    if (!rules) return std::move(rules).error();
    const CaseTime time(recorded);
    auto story = replay_virtual(recorded, time, *rules);
    if (!story) return std::move(story).error();
    return compare(recorded_story(recorded, time), story->story, {{}, time.end(), 2s});
}

/// Without names the case must still do what it did with them.
Result<void> prove(const std::filesystem::path& named, const std::filesystem::path& nameless) {
    const auto with = load_case(named);
    if (!with) return with.error();
    const auto without = load_case(nameless);
    if (!without) return without.error();
    const auto before = replayed(*with);
    if (!before) return before.error();
    const auto after = replayed(*without);
    if (after && after->same == before->same && after->lines.size() == before->lines.size())
        return {};
    return Error{Errc::refused, "a rule does not do the same without the names",
                 "record without --no-names, or give the rule patterns of whole words"};
}

}  // namespace

Result<std::uint64_t> record_case(const RecordCommand& command, SimTime last, SimTime lead,
                                  const std::filesystem::path& file) {
    auto source = Source::open(command);
    if (!source) return std::move(source).error();
    Recording recording(std::move(*source), file, {});
    if (auto done = recording.run(last, lead); !done) return std::move(done).error();
    if (auto done = recording.finish(); !done) return std::move(done).error();
    return recording.records();
}

Exit record_command(const RecordCommand& command) {
    const auto last = parse_duration(command.last);
    if (!last) return fail({Errc::bad_config, "--last: " + last.error().what, last.error().hint});
    const auto lead = parse_duration(command.lead);
    if (!lead) return fail({Errc::bad_config, "--lead: " + lead.error().what, lead.error().hint});
    auto source = Source::open(command);
    if (!source) return fail(source.error());
    Unfinished file(command.out.string() + ".part");
    const Unfinished named(command.out.string() + ".named.part");
    Recording recording(std::move(*source), file.path(),
                        command.no_names ? named.path() : std::filesystem::path());
    if (auto done = recording.run(*last, *lead); !done) return fail(done.error());
    if (auto done = recording.finish(); !done) return fail(done.error());
    if (command.no_names) {
        if (auto done = prove(named.path(), file.path()); !done) return fail(done.error());
    }
    if (auto done = file.keep(command.out); !done) return fail(done.error());
    if (command.json) {
        std::string out = "{\"file\":";
        append_json_string(out, command.out.string());
        std::cout << out << ",\"records\":" << recording.records() << "}" << std::endl;
    } else {
        std::cout << "fogsim: " << recording.records() << " records in " << command.out.string()
                  << std::endl;
    }
    return Exit::ok;
}

}  // namespace fog::sim
