#include <iostream>

#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/http_client.hpp"
#include "sim/app/commands.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

/// A value of the command line as JSON has it: 5, 0.5 or text.
Node value_of(const std::string& word) {
    if (const auto n = parse_int(word)) return whole(*n);
    if (const auto n = parse_double(word)) return number(*n);
    return text(word);
}

Result<HttpCall> call_of(const CtlCommand& command) {
    HttpCall call;
    call.method = "POST";
    call.path = "/" + command.what;
    if (command.what == "status") call.method = "GET";
    if (command.what == "fault add") {
        Node body = table({{"on", text(command.on)}, {"kind", text(command.kind)}});
        if (!command.lasts.empty()) body.set("for", text(command.lasts));
        for (const std::string& one : command.with) {
            const std::size_t equals = one.find('=');
            if (equals == std::string::npos || equals == 0) {
                return Error{Errc::bad_config, "--with " + one + ": expected name=value", {}};
            }
            body.set(one.substr(0, equals), value_of(one.substr(equals + 1)));
        }
        call.path = "/faults";
        call.body = write_json(body);
    } else if (command.what == "fault clear") {
        call.method = "DELETE";
        call.path = "/faults/" + command.id;
    } else if (command.what == "set") {
        call.method = "PUT";
        call.path = "/inputs/" + command.input;
        call.body = write_json(table({{"value", value_of(command.value)}}));
    }
    return call;
}

std::string text_at(const Node& node, std::string_view key) {
    const Node* found = node.find(key);
    if (found == nullptr) return {};
    return found->string() != nullptr ? *found->string() : write_json(*found);
}

bool is_on(const Node& node, std::string_view key) {
    const Node* found = node.find(key);
    return found != nullptr && found->boolean() != nullptr && *found->boolean();
}

const Node::Array& rows(const Node& node, std::string_view key) {
    static const Node::Array kNone;
    const Node* found = node.find(key);
    return found != nullptr && found->array() != nullptr ? *found->array() : kNone;
}

void print_status(const Node& status) {
    std::cout << text_at(status, "scenario") << ", seed " << text_at(status, "seed") << ", "
              << text_at(status, "elapsed_s") << " s" << (is_on(status, "paused") ? ", paused" : "")
              << "\n";
    for (const Node& each : rows(status, "devices")) {
        std::cout << "  " << text_at(each, "id") << " (" << text_at(each, "personality")
                  << "): " << text_at(each, "state") << "\n";
    }
    for (const Node& each : rows(status, "inputs")) {
        std::cout << "  input " << text_at(each, "id") << " = " << text_at(each, "value") << "\n";
    }
    for (const Node& each : rows(status, "faults")) {
        std::cout << "  fault " << text_at(each, "id") << ": " << text_at(each, "kind") << " on "
                  << text_at(each, "on");
        if (is_on(each, "active")) {
            const std::string rest = text_at(each, "ends_in_s");
            std::cout << ", active" << (rest == "null" ? "" : ", ends in " + rest + " s");
        }
        std::cout << "\n";
    }
}

Error problem_of(const HttpAnswer& answer) {
    std::vector<Fault> faults;
    const auto body = parse_json(answer.body, faults);
    if (!body) return {Errc::refused, "the run answered " + std::to_string(answer.status), {}};
    const Errc code = answer.status == 400 ? Errc::bad_config : Errc::refused;
    return {code, text_at(*body, "detail"), text_at(*body, "hint")};
}

}  // namespace

Exit ctl_command(const CtlCommand& command) {
    auto call = call_of(command);
    if (!call) return fail(call.error());
    auto client = HttpClient::open({.url = "unix:" + command.control.string(), .token = {}});
    if (!client) return fail(client.error());
    auto answer = client->send(*call);
    if (!answer) {
        Error error = std::move(answer).error();
        error.hint = "is a run going on? --control PATH names its socket, OUT/control.sock";
        return fail(error);
    }
    if (answer->status >= 300) return fail(problem_of(*answer));
    std::vector<Fault> faults;
    const auto body = parse_json(answer->body, faults);
    if (command.json || !body) {
        std::cout << answer->body << "\n";
    } else if (command.what == "status") {
        print_status(*body);
    } else if (const std::string id = text_at(*body, "id"); !id.empty()) {
        std::cout << "fault " << id << "\n";
    }
    return Exit::ok;
}

}  // namespace fog::sim
