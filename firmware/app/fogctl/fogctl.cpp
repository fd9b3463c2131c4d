#include "firmware/app/fogctl/fogctl.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <istream>
#include <ostream>
#include <utility>

#include "firmware/app/fogctl/arguments.hpp"
#include "firmware/app/fogctl/log_text.hpp"
#include "firmware/app/fogctl/print.hpp"
#include "firmware/app/fogctl/sse_reader.hpp"
#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/http_client.hpp"
#include "firmware/store/log_tool.hpp"

namespace fog {
namespace {

/// One run against one daemon.
class Fogctl {
public:
    Fogctl(Arguments arguments, Streams streams)
        : arguments_(std::move(arguments)), streams_(streams) {}

    Exit run();

private:
    Exit status() { return show("GET", "/api/v1/status"); }
    Exit claim_show();
    Exit claim_set();
    Exit claim_reset() { return show("POST", "/api/v1/claim/reset"); }
    Exit tail();
    Exit log_stats();
    Exit log_verify();
    Exit log_dump();
    Exit log_position();
    Exit rules_list() { return show("GET", "/api/v1/rules"); }
    Exit rules_show() { return show("GET", rule_path()); }
    Exit rules_check();
    Exit rules_put();
    Exit rules_rm();
    Exit uplink_status() {
        return show("GET", arguments_.id.empty() ? "/api/v1/uplinks" : uplink_path());
    }
    Exit uplink_ledger() { return show("GET", uplink_path() + "/ledger"); }
    Exit uplink_pause() { return show("POST", uplink_path() + "/pause"); }
    Exit uplink_resume() { return show("POST", uplink_path() + "/resume"); }
    Exit config_check();
    Exit token_create();
    Exit token_list() { return show("GET", "/api/v1/tokens"); }
    Exit token_revoke();

    Result<HttpClient> open(std::chrono::milliseconds read) const;
    Result<HttpAnswer> send(const HttpCall& call) const;
    static HttpCall call(std::string method, std::string path) {
        HttpCall out;
        out.method = std::move(method);
        out.path = std::move(path);
        out.headers.emplace_back("X-Fogline", "1");
        return out;
    }
    /// Sends and prints the answer.
    Exit show(std::string method, std::string path) {
        return show(call(std::move(method), std::move(path)));
    }
    Exit show(const HttpCall& request, const Node* sent = nullptr);
    Exit print(const HttpAnswer& answer, const Node* sent);
    std::optional<Node> read_rule();  // after printing what is wrong with the file

    Exit fail(const Error& error);
    Exit fail(const HttpAnswer& answer, const Node* sent);
    std::string rule_path() const { return "/api/v1/rules/" + encoded(arguments_.id); }
    std::string uplink_path() const { return "/api/v1/uplinks/" + encoded(arguments_.id); }
    static std::string encoded(std::string_view segment);

    Arguments arguments_;
    Streams streams_;
};

const Node* at_pointer(const Node& root, std::string_view pointer) {
    if (pointer.empty()) return &root;
    if (const auto* members = root.table()) {
        for (const auto& [key, value] : *members) {
            if (value.pointer == pointer) return &value;
            if (pointer.starts_with(value.pointer + "/")) return at_pointer(value, pointer);
        }
    } else if (const auto* items = root.array()) {
        for (const Node& item : *items) {
            if (item.pointer == pointer) return &item;
            if (pointer.starts_with(item.pointer + "/")) return at_pointer(item, pointer);
        }
    }
    return nullptr;
}

std::string text_at(const Node& node, std::string_view key) {
    const Node* value = node.find(key);
    return value != nullptr && value->string() != nullptr ? printable(*value->string()) : "";
}

Exit exit_of(const Error& error) {
    switch (error.code) {
        case Errc::bad_request:
            return Exit::usage;
        case Errc::bad_config:
            return Exit::config;
        case Errc::not_found:
            return Exit::no_input;
        case Errc::denied:
            return Exit::denied;
        case Errc::busy:
        case Errc::timeout:
            return Exit::again;
        case Errc::storage_full:
        case Errc::storage_error:
            return Exit::io;
        case Errc::unreachable:
        case Errc::refused:
        case Errc::conflict:
            return Exit::unavailable;
        case Errc::bad_frame:
        case Errc::internal:
            return Exit::internal;
    }
    return Exit::internal;
}

Exit exit_of(unsigned status) {
    if (status == 401 || status == 403 || status == 421) return Exit::denied;
    if (status == 404) return Exit::no_input;
    if (status == 422) return Exit::config;
    if (status == 429 || status == 503) return Exit::again;
    if (status == 501) return Exit::unavailable;
    if (status == 507) return Exit::io;
    return status >= 500 ? Exit::internal : Exit::usage;
}

std::optional<Node> json_of(const std::string& text) {
    std::vector<Fault> faults;
    return parse_json(text, faults, {.bytes = 16U << 20U, .nodes = 1'000'000});
}

// --- talking

std::string Fogctl::encoded(std::string_view segment) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : segment) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4U];
            out += kHex[byte & 15U];
        }
    }
    return out;
}

Result<HttpClient> Fogctl::open(std::chrono::milliseconds read) const {
    HttpTarget target;
    target.url = arguments_.url.empty() ? "unix:" + arguments_.socket : arguments_.url;
    if (!arguments_.url.empty()) target.token = arguments_.token;
    target.read = read;
    return HttpClient::open(std::move(target));
}

Result<HttpAnswer> Fogctl::send(const HttpCall& request) const {
    auto client = open(std::chrono::seconds(15));
    if (!client) return std::move(client).error();
    return client->send(request);
}

Exit Fogctl::fail(const Error& error) {
    std::string what = error.what;
    std::string hint = error.hint;
    if (arguments_.url.empty() && error.code == Errc::unreachable)
        what = "no daemon at " + arguments_.socket + ": is foglined running?";
    if (arguments_.url.empty() && error.code == Errc::denied)
        hint = "become a member of group fogline, or use sudo";
    streams_.err << "fogctl: " << printable(what) << "\n";
    if (!hint.empty()) streams_.err << "  help: " << printable(hint) << "\n";
    return exit_of(error);
}

Exit Fogctl::fail(const HttpAnswer& answer, const Node* sent) {
    if (arguments_.json && !answer.body.empty()) streams_.out << answer.body << "\n";
    const auto problem = json_of(answer.body);
    std::string what = problem ? text_at(*problem, "detail") : "";
    if (what.empty() && problem) what = text_at(*problem, "title");
    if (what.empty()) what = "the box answered " + std::to_string(answer.status);
    const Node* errors = problem ? problem->find("errors") : nullptr;
    const bool listed =
        errors != nullptr && errors->array() != nullptr && !errors->array()->empty();
    if (!listed || sent == nullptr) {
        streams_.err << "fogctl: " << what << "\n";
        const std::string hint = problem ? text_at(*problem, "hint") : "";
        if (!hint.empty()) streams_.err << "  help: " << hint << "\n";
    }
    for (std::size_t i = 0; listed && i < errors->array()->size(); ++i) {
        const Node& error = errors->array()->at(i);
        Fault fault{text_at(error, "code"),   text_at(error, "pointer"), {},
                    text_at(error, "detail"), text_at(error, "hint"),    false};
        const Node* place = sent != nullptr ? at_pointer(*sent, fault.pointer) : nullptr;
        if (place != nullptr) fault.mark = place->mark;
        streams_.err << to_text(fault) << "\n";
    }
    return exit_of(answer.status);
}

Exit Fogctl::print(const HttpAnswer& answer, const Node* sent) {
    if (answer.status / 100 != 2) return fail(answer, sent);
    if (answer.body.empty()) return Exit::good;
    if (arguments_.json) {
        streams_.out << answer.body << "\n";
        return Exit::good;
    }
    const auto node = json_of(answer.body);
    if (node)
        streams_.out << readable(*node);
    else
        streams_.out << printable(answer.body) << "\n";
    return Exit::good;
}

Exit Fogctl::show(const HttpCall& request, const Node* sent) {
    const auto answer = send(request);
    return answer ? print(*answer, sent) : fail(answer.error());
}

// --- verbs

Exit Fogctl::claim_show() {
    const auto answer = send(call("GET", "/api/v1/claim/code"));
    if (!answer) return fail(answer.error());
    if (arguments_.json || answer->status != 200) return print(*answer, nullptr);
    const auto node = json_of(answer->body);
    const std::string code = node ? text_at(*node, "code") : "";
    if (code.size() != 8) return print(*answer, nullptr);
    streams_.out << code.substr(0, 4) << "-" << code.substr(4) << "\n";
    return Exit::good;
}

Exit Fogctl::claim_set() {
    std::string passphrase;
    if (!std::getline(streams_.in, passphrase)) {
        streams_.err << "fogctl: no passphrase on standard input\n";
        return Exit::usage;
    }
    if (!passphrase.empty() && passphrase.back() == '\r') passphrase.pop_back();
    Node body{Node::Data(Node::Table{})};
    body.set("passphrase", Node(Node::Data(std::move(passphrase))));
    HttpCall request = call("POST", "/api/v1/claim/set");
    request.body = write_json(body);
    return show(request);
}

Exit Fogctl::tail() {
    auto client = open(std::chrono::seconds(60));  // the stream ticks at least every 16 s
    if (!client) return fail(client.error());
    std::string path = "/api/v1/stream?";
    const std::string below = arguments_.device.empty() ? "" : encoded(arguments_.device) + "/";
    for (const std::string_view root : {"samples/", "alarms/", "devices/"})
        path += std::string(path.back() == '?' ? "" : "&") + "channel=" + std::string(root) +
                below + "%23";
    HttpCall request = call("GET", path);
    request.headers.emplace_back("Accept", "text/event-stream");
    SseReader reader;
    const auto take = [this](const SseReader::Event& event) {
        const auto record = arguments_.json ? std::nullopt : json_of(event.data);
        streams_.out << (record ? record_line(*record) : event.data) << "\n" << std::flush;
        return static_cast<bool>(streams_.out);  // false: whoever read us has gone
    };
    const auto answer =
        client->stream(request, [&](std::string_view bytes) { return reader.feed(bytes, take); });
    if (!streams_.out) return Exit::good;
    if (!answer) return fail(answer.error());
    if (answer->status != 200) return fail(*answer, nullptr);
    streams_.err << "fogctl: the box ended the stream\n";
    return Exit::again;
}

Exit Fogctl::log_position() {
    const auto answer = send(call("GET", "/api/v1/log"));
    if (!answer) return fail(answer.error());
    const auto node = json_of(answer->body);
    if (answer->status != 200 || !node || text_at(*node, "position").empty())
        return print(*answer, nullptr);
    const std::string position = text_at(*node, "position");
    streams_.out << (arguments_.json ? "{\"position\":\"" + position + "\"}" : position) << "\n";
    return Exit::good;
}

Exit Fogctl::log_stats() {
    if (arguments_.folder.empty()) return show("GET", "/api/v1/log");
    const auto text = log_summary_json(arguments_.folder);
    if (!text) return fail(text.error());
    const auto node = json_of(*text);
    streams_.out << (arguments_.json || !node ? *text + "\n" : readable(*node));
    return Exit::good;
}

Exit Fogctl::log_verify() {
    const auto verdict = verify_log(arguments_.folder, [this](std::string_view what) {
        streams_.err << printable(what) << "\n";
    });
    if (!verdict) return fail(verdict.error());
    if (verdict->faults > kFaultsTold)
        streams_.err << "... and " << verdict->faults - kFaultsTold << " more\n";
    if (arguments_.json)
        streams_.out << "{\"records\":" << verdict->records << ",\"faults\":" << verdict->faults
                     << "}\n";
    else
        streams_.out << arguments_.folder << ": " << verdict->records << " records, "
                     << verdict->faults << " faults\n";
    return verdict->faults == 0 ? Exit::good : Exit::config;
}

Exit Fogctl::log_dump() {
    std::string line;
    const auto done =
        dump_log(arguments_.folder, Seq{arguments_.after}, Seq{arguments_.upto},
                 [&](const Record& record, std::string_view device, std::string_view point) {
                     if (!arguments_.device.empty() && device != arguments_.device) return true;
                     line = arguments_.json ? record_json(record, device, point)
                                            : record_text(record, device, point);
                     streams_.out << line << "\n";
                     return static_cast<bool>(streams_.out);  // false: whoever read us has gone
                 });
    return done ? Exit::good : fail(done.error());
}

std::optional<Node> Fogctl::read_rule() {
    const auto text = read_file(arguments_.file, 1U << 20U);
    std::vector<Fault> faults;
    if (!text) {
        (void)fail(text.error());
        return std::nullopt;
    }
    auto rule = parse_toml(*text, arguments_.file, faults);
    for (const Fault& fault : faults) streams_.err << to_text(fault) << "\n";
    return rule;
}

Exit Fogctl::rules_check() {
    std::error_code ignored;
    if (!std::filesystem::exists(arguments_.file, ignored))
        return fail(Error{Errc::not_found, arguments_.file + ": no such file", ""});
    const auto rule = read_rule();
    if (!rule) return Exit::config;
    HttpCall request = call("POST", "/api/v1/rules/check");
    request.body = write_json(*rule);
    const auto answer = send(request);
    if (!answer) return fail(answer.error());
    if (answer->status / 100 != 2) return fail(*answer, &*rule);
    if (arguments_.json) return print(*answer, nullptr);
    streams_.out << arguments_.file << ": good\n";
    return Exit::good;
}

Exit Fogctl::rules_put() {
    std::error_code ignored;
    if (!std::filesystem::exists(arguments_.file, ignored))
        return fail(Error{Errc::not_found, arguments_.file + ": no such file", ""});
    const auto rule = read_rule();
    if (!rule) return Exit::config;
    if (arguments_.id.empty())
        arguments_.id = std::filesystem::path(arguments_.file).stem().string();
    const auto before = send(call("GET", rule_path()));
    if (!before) return fail(before.error());
    HttpCall request = call("PUT", rule_path());
    if (before->status == 404)
        request.headers.emplace_back("If-None-Match", "*");
    else if (before->status == 200)
        request.headers.emplace_back("If-Match", std::string(before->header("etag")));
    else
        return fail(*before, nullptr);
    request.body = write_json(*rule);
    const auto answer = send(request);
    if (!answer) return fail(answer.error());
    if (answer->status / 100 != 2) return fail(*answer, &*rule);
    if (arguments_.json) return print(*answer, nullptr);
    streams_.out << arguments_.id << (before->status == 404 ? ": added\n" : ": replaced\n");
    return Exit::good;
}

Exit Fogctl::rules_rm() {
    const auto before = send(call("GET", rule_path()));
    if (!before) return fail(before.error());
    if (before->status != 200) return fail(*before, nullptr);
    HttpCall request = call("DELETE", rule_path());
    request.headers.emplace_back("If-Match", std::string(before->header("etag")));
    return show(request);
}

Exit Fogctl::config_check() {
    const ConfigReport report = check_config(arguments_.file);
    if (arguments_.json)
        streams_.out << report_json(report) << "\n";
    else
        streams_.err << report_text(report);
    const Exit code = exit_code(report, arguments_.strict);
    if (!arguments_.json && report.faults.empty()) streams_.out << arguments_.file << ": good\n";
    return code;
}

Node texts(const std::vector<std::string>& all) {
    Node::Array items;
    for (const std::string& one : all) items.emplace_back(Node::Data(one));
    return Node(Node::Data(std::move(items)));
}

Exit Fogctl::token_create() {
    Node body{Node::Data(Node::Table{})};
    if (!arguments_.name.empty()) body.set("name", Node(Node::Data(arguments_.name)));
    body.set("scopes", texts(arguments_.scopes));
    if (!arguments_.subscribe.empty()) body.set("subscribe", texts(arguments_.subscribe));
    if (arguments_.ttl) body.set("ttl", Node(Node::Data(*arguments_.ttl)));
    HttpCall request = call("POST", "/api/v1/tokens");
    request.body = write_json(body);
    const auto answer = send(request);
    if (!answer) return fail(answer.error());
    const auto made = json_of(answer->body);
    if (arguments_.json || answer->status != 201 || !made) return print(*answer, nullptr);
    streams_.out << text_at(*made, "token") << "\n";  // alone, for scripts
    return Exit::good;
}

Exit Fogctl::token_revoke() {
    return show("DELETE", "/api/v1/tokens/" + encoded(arguments_.id));
}

Exit Fogctl::run() {
    using Verb = std::pair<std::string_view, Exit (Fogctl::*)()>;
    static constexpr std::array<Verb, 22> kVerbs = {{
        {"status", &Fogctl::status},
        {"claim show", &Fogctl::claim_show},
        {"claim set", &Fogctl::claim_set},
        {"claim reset", &Fogctl::claim_reset},
        {"tail", &Fogctl::tail},
        {"log position", &Fogctl::log_position},
        {"log stats", &Fogctl::log_stats},
        {"log verify", &Fogctl::log_verify},
        {"log dump", &Fogctl::log_dump},
        {"rules list", &Fogctl::rules_list},
        {"rules show", &Fogctl::rules_show},
        {"rules check", &Fogctl::rules_check},
        {"rules put", &Fogctl::rules_put},
        {"rules rm", &Fogctl::rules_rm},
        {"uplink status", &Fogctl::uplink_status},
        {"uplink ledger", &Fogctl::uplink_ledger},
        {"uplink pause", &Fogctl::uplink_pause},
        {"uplink resume", &Fogctl::uplink_resume},
        {"config check", &Fogctl::config_check},
        {"token create", &Fogctl::token_create},
        {"token list", &Fogctl::token_list},
        {"token revoke", &Fogctl::token_revoke},
    }};
    for (const auto& [name, verb] : kVerbs) {
        if (name == arguments_.verb) return (this->*verb)();
    }
    streams_.err << "fogctl: unknown verb '" << arguments_.verb << "'\n";
    return Exit::usage;
}

}  // namespace

Exit run_fogctl(const std::vector<std::string>& words, Streams streams) {
    auto parsed = parse_arguments(words);
    if (const Leave* leave = std::get_if<Leave>(&parsed)) {
        (leave->code == Exit::good ? streams.out : streams.err) << leave->text;
        return leave->code;
    }
    return Fogctl(std::move(std::get<Arguments>(parsed)), streams).run();
}

}  // namespace fog
