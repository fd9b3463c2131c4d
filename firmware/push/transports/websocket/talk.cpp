#include "firmware/push/transports/websocket/talk.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/push/json_text.hpp"
#include "firmware/push/open.hpp"

namespace fog {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr float kMessagesPerSecond = 50;
constexpr float kMessageBurst = 100;
constexpr auto kAuthTime = 5s;
constexpr std::size_t kMessageDepth = 16;
constexpr std::size_t kIdBytes = 64;

std::string frame(std::string_view json) {
    std::string out;
    ws::append_frame(out, ws::Opcode::text, json);
    return out;
}

std::string ok_reply(const std::string& id, std::string_view data) {
    return frame("{\"ev\":\"reply\",\"re\":" + id + ",\"ok\":true,\"d\":" + std::string(data) +
                 "}");
}

std::string refusal(const std::string& id, const Problem& problem) {
    return frame("{\"ev\":\"reply\",\"re\":" + id +
                 ",\"ok\":false,\"problem\":" + problem_json(problem) + "}");
}

Problem make(unsigned status, std::string slug, std::string title, std::string detail = {}) {
    Problem problem;
    problem.status = status;
    problem.slug = std::move(slug);
    problem.title = std::move(title);
    problem.detail = std::move(detail);
    return problem;
}

std::string text_member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

struct WsTalk::Message {
    std::string op;
    std::string id = "null";  // JSON text
    Json body;
};

WsTalk::WsTalk(Hub& hub, bool needs_auth)
    : hub_(hub),
      decoder_(hub.parts().limits.ws_message_bytes),
      opened_(hub.now()),
      last_ping_(opened_),
      last_pong_(opened_),
      credit_at_(opened_),
      faults_since_(opened_),
      refusals_since_(opened_),
      credit_(kMessageBurst),
      needs_auth_(needs_auth) {}

void WsTalk::heard(Client& client, std::span<const std::byte> bytes) {
    while (!client.ended()) {
        auto got = decoder_.next(bytes);
        if (got.kind == ws::Decoder::Kind::more) return;
        event(client, std::move(got));
    }
}

void WsTalk::event(Client& client, ws::Decoder::Event event) {
    switch (event.kind) {
        case ws::Decoder::Kind::more:
            return;
        case ws::Decoder::Kind::text:
            return message(client, event.data);
        case ws::Decoder::Kind::binary:
            return client.end(ws::kUnsupported, "binary");
        case ws::Decoder::Kind::ping: {
            std::string pong;
            ws::append_frame(pong, ws::Opcode::pong, event.data);
            return client.say(std::move(pong));
        }
        case ws::Decoder::Kind::pong:
            last_pong_ = hub_.now();
            return;
        case ws::Decoder::Kind::close:
            return client.end(ws::valid_close_code(event.code) ? event.code : ws::kNormal,
                              "client");
        case ws::Decoder::Kind::fault:
            return client.end(event.code, "protocol");
    }
}

void WsTalk::tick(Client& client, MonoTime now) {
    if (needs_auth_ && now - opened_ > kAuthTime)
        return client.end(4401, "no-auth", R"({"ev":"bye","reason":"token-missing"})");
    const auto tick = client.defaults().tick;
    if (now - last_pong_ > 2 * tick + tick / 2) return client.end(4408, "no-pong");
    if (now - last_ping_ < tick) return;
    last_ping_ = now;
    std::string ping;
    ws::append_frame(ping, ws::Opcode::ping, {});
    client.say(std::move(ping), PushClass::live);
}

bool WsTalk::too_fast(Client& client, MonoTime now) {
    const auto passed = std::chrono::duration<float>(now - credit_at_).count();
    credit_ = std::min(kMessageBurst, credit_ + passed * kMessagesPerSecond);
    credit_at_ = now;
    if (credit_ >= 1) {
        credit_ -= 1;
        return false;
    }
    if (now - refusals_since_ > 10s) {
        refusals_since_ = now;
        refusals_ = 0;
    }
    if (++refusals_ >= 5) {
        client.end(4429, "rate");
        return true;
    }
    auto problem = make(429, "rate-exceeded", "Too many messages");
    problem.limit = static_cast<std::uint64_t>(kMessagesPerSecond);
    hub_.metrics().refused("rate-exceeded");
    client.say(refusal("null", problem));
    return true;
}

void WsTalk::message(Client& client, const std::string& text) {
    const MonoTime now = hub_.now();
    if (too_fast(client, now)) return;
    Message message;
    auto problem = parse_json_text(text, kMessageDepth, message.body);
    if (!problem && !message.body.is_object())
        problem = make(400, "json-invalid", "The message is not a JSON object");
    if (problem) {
        if (now - faults_since_ > 60s) {
            faults_since_ = now;
            faults_ = 0;
        }
        if (++faults_ >= 10) return client.end(4400, "json");
        return client.say(refusal("null", *problem));
    }
    const auto id = message.body.find("id");
    if (id != message.body.end() && (id->is_number() || id->is_string())) {
        message.id = id->dump(-1, ' ', false, Json::error_handler_t::replace);
        if (message.id.size() > kIdBytes + 2)
            return client.say(
                refusal("null", make(400, "parameter-invalid", "id is longer than 64 bytes")));
    }
    message.op = text_member(message.body, "op");
    dispatch(client, message);
}

void WsTalk::dispatch(Client& client, const Message& message) {
    if (message.op == "auth") return auth(client, message);
    if (needs_auth_)
        return client.say(refusal(message.id, make(401, "token-invalid", "Send auth first")));
    if (message.op == "subscribe") return subscribe(client, message);
    if (message.op == "unsubscribe") return unsubscribe(client, message);
    if (message.op == "ack") return acknowledge(client, message);
    if (message.op == "ping") {
        const auto& clock = hub_.parts().clock;
        const std::string time = clock.trusted() ? "\"" + to_rfc3339(clock.wall()) + "\"" : "null";
        return client.say(ok_reply(
            message.id, "{\"clock\":" + time + ",\"pos\":\"" + client.position().text() + "\"}"));
    }
    static constexpr std::string_view kLater[] = {"publish", "command", "attention"};
    if (std::find(std::begin(kLater), std::end(kLater), message.op) != std::end(kLater))
        return client.say(
            refusal(message.id, make(501, "not-available", "Not available in this version",
                                     "op " + message.op + " is not built yet")));
    static constexpr std::string_view kOps[] = {"auth", "subscribe", "unsubscribe", "ack",
                                                "ping", "publish",   "command"};
    auto problem = make(400, "parameter-invalid", "The op is not known",
                        "there is no op '" + message.op.substr(0, 64) + "'");
    if (const auto near = nearest(message.op, kOps))
        problem.hint = "Did you mean '" + std::string(*near) + "'?";
    client.say(refusal(message.id, problem));
}

void WsTalk::auth(Client& client, const Message& message) {
    const std::string token = text_member(message.body, "token");
    Principal who;
    const auto why = hub_.parts().authenticator.check({token, {}}, who);
    if (why != Authenticator::Why::ok || !who.known()) {
        const bool expired = why == Authenticator::Why::expired;
        client.say(refusal(message.id,
                           make(401, expired ? "token-expired" : "token-invalid",
                                expired ? "The token has expired" : "The token is not known")));
        return client.end(4401, "auth");
    }
    if (!client.within(who.patterns))
        return client.say(refusal(message.id, make(403, "not-allowed", "Not allowed",
                                                   "the token does not cover what is subscribed")));
    const std::string expires = who.expires ? "\"" + to_rfc3339(*who.expires) + "\"" : "null";
    client.set_principal(std::move(who));
    needs_auth_ = false;
    client.say(ok_reply(message.id, "{\"expires\":" + expires + "}"));
}

void WsTalk::subscribe(Client& client, const Message& message) {
    Json rest = message.body;
    const std::string sub = text_member(message.body, "sub");
    for (const char* name : {"op", "id", "sub"}) rest.erase(name);
    if (sub.size() > kIdBytes)
        return client.say(
            refusal(message.id, make(400, "parameter-invalid", "sub is longer than 64 bytes")));
    auto list = json_params(rest.dump(-1, ' ', false, Json::error_handler_t::replace));
    auto problem = std::move(list.problem);
    StreamParams params;
    if (!problem)
        problem =
            check_subscription(hub_, client.principal(), list.list, params, client.patterns());
    if (problem) {
        hub_.metrics().refused(problem->slug);
        return client.say(refusal(message.id, *problem));
    }
    // Ahead of `first`, which has the highest class too.
    client.say(ok_reply(message.id, "{}"), PushClass::alarm);
    client.subscribe(sub, std::move(params));
}

void WsTalk::unsubscribe(Client& client, const Message& message) {
    const std::string sub = text_member(message.body, "sub");
    if (client.unsubscribe(sub)) return client.say(ok_reply(message.id, "{}"));
    client.say(refusal(message.id, make(404, "not-found", "There is no such subscription")));
}

void WsTalk::acknowledge(Client& client, const Message& message) {
    const std::string alarm = text_member(message.body, "alarm");
    AlarmDesk* desk = hub_.parts().alarms;
    if (desk == nullptr || alarm.empty())
        return client.say(
            refusal(message.id, desk == nullptr
                                    ? make(501, "not-available", "Not available in this version")
                                    : make(400, "parameter-invalid", "alarm is missing")));
    if (!client.principal().may(scope::kAckAlarms))
        return client.say(
            refusal(message.id, make(403, "not-allowed", "Not allowed", "needs ack:alarms")));
    desk->acknowledge(alarm, text_member(message.body, "note"), client.principal(),
                      [hub = &hub_, loop = &hub_.parts().loop, conn = client.conn(),
                       id = message.id](const Result<void>& done) {
                          const auto bytes = done ? ok_reply(id, R"({"state":"acknowledged"})")
                                                  : refusal(id, problem_of(done.error()));
                          loop->post([hub, conn, bytes] {
                              if (Client* alive = hub->find_client(conn)) alive->say(bytes);
                          });
                      });
}

}  // namespace fog
