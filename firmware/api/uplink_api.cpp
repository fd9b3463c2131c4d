#include <algorithm>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"

namespace fog {
namespace {

const SinkLedger* ledger_of(const std::vector<SinkLedger>& ledgers, std::string_view sink) {
    const auto found = std::find_if(ledgers.begin(), ledgers.end(),
                                    [sink](const SinkLedger& one) { return one.sink == sink; });
    return found != ledgers.end() ? &*found : nullptr;
}

/// accepted = acknowledged + waiting + shed + expired: always 0, shown so that it can be seen.
std::int64_t difference(const LaneLedger& lane) {
    return static_cast<std::int64_t>(lane.accepted) -
           static_cast<std::int64_t>(lane.acknowledged + lane.waiting + lane.shed + lane.expired);
}

void add_lane(JsonOut& out, const LaneLedger& lane) {
    out.open()
        .member("accepted", lane.accepted)
        .member("acknowledged", lane.acknowledged)
        .member("waiting", lane.waiting)
        .member("waiting_bytes", lane.waiting_bytes)
        .member("shed", lane.shed)
        .member("expired", lane.expired)
        .member("dead", lane.dead)
        .member("difference", difference(lane))
        .close();
}

void add_ledger(JsonOut& out, const SinkLedger& ledger) {
    out.open().member("sink", ledger.sink).key("lanes").open();
    for (std::size_t i = 0; i < kLanes; ++i) {
        out.key(to_text(static_cast<Lane>(i)));
        add_lane(out, ledger.lanes[i]);
    }
    out.close().key("sum");
    add_lane(out, ledger.sum());
    out.member("exact", std::all_of(ledger.lanes.begin(), ledger.lanes.end(),
                                    [](const LaneLedger& lane) { return lane.exact(); }));
    out.key("causes").open();
    for (const auto& [cause, count] : ledger.causes) out.member(cause, count);
    out.close().time("oldest_waiting", ledger.oldest_waiting).close();
}

/// What is still owed, how old it is, and how long it takes at the present rate.
void add_backlog(JsonOut& out, const ApiParts& parts, const PumpStatus& status,
                 const SinkLedger* ledger) {
    const LaneLedger sum = ledger != nullptr ? ledger->sum() : LaneLedger{};
    out.key("backlog").open().member("records", sum.waiting).member("bytes", sum.waiting_bytes);
    out.key("oldest_age_s");
    if (ledger == nullptr || ledger->oldest_waiting == WallTime{})
        out.raw("null");
    else
        out.value(std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(
                                                parts.clock.wall() - ledger->oldest_waiting)
                                                .count()));
    out.key("drain_s");
    status.drain ? out.value(status.drain->count()) : out.raw("null");
    out.key("lanes").open();
    for (std::size_t i = 0; i < kLanes; ++i)
        out.member(to_text(static_cast<Lane>(i)),
                   ledger != nullptr ? ledger->lanes[i].waiting : std::uint64_t{0});
    out.close().close();
}

void add_uplink(JsonOut& out, const ApiParts& parts, const PumpStatus& status,
                const SinkLedger* ledger) {
    out.open()
        .member("id", status.sink)
        .member("type", status.type)
        .member("state", to_text(status.state))
        .member("words", status.words)
        .member("connected", status.connected)
        .time("since", status.since)
        .member("last_error", status.last_error)
        .time("last_error_at", status.last_error_at)
        .time("last_ack", status.last_ack)
        .member("sent", status.sent)
        .member("acknowledged", status.acknowledged)
        .member("refused", status.refused)
        .member("retries", status.retries)
        .member("connects", status.connects)
        .member("in_flight", status.in_flight)
        .member("rate", status.rate);
    if (status.drain) out.member("drain_s", status.drain->count());
    const LaneLedger sum = ledger != nullptr ? ledger->sum() : LaneLedger{};
    out.member("waiting", sum.waiting).member("waiting_bytes", sum.waiting_bytes);
    add_backlog(out, parts, status, ledger);
    out.close();
}

using Show = std::function<Response(const PumpStatus&, const std::vector<SinkLedger>&)>;

void with_uplink(const ApiParts& parts, const Request& request, const Responder& respond,
                 const Show& show) {
    for (const PumpStatus& status : parts.uplinks.uplinks())
        if (status.sink == request.value("id")) return respond(show(status, parts.store.ledgers()));
    respond(not_found("uplink", request.value("id")));
}

Response ledger_response(const PumpStatus& status, const std::vector<SinkLedger>& ledgers) {
    JsonOut out;
    const SinkLedger* ledger = ledger_of(ledgers, status.sink);
    add_ledger(out, ledger != nullptr ? *ledger : SinkLedger{status.sink, {}, {}, {}});
    return json_response(out.take());
}

Response dead_response(const ApiParts& parts, const Request& request) {
    auto letters = parts.store.dead(request.value("id"), {}, 500);
    if (!letters) return problem_response(problem_of(letters.error()));
    JsonOut out;
    out.open().key("items").open('[');
    for (const DeadLetter& letter : *letters) {
        std::string record;
        append_record_json(record, letter.record, parts.records);
        out.open()
            .member("seq", letter.seq.value)
            .member("lane", to_text(letter.lane))
            .member("reason", letter.reason)
            .member_raw("record", record)
            .close();
    }
    return json_response(out.close(']').close().take());
}

}  // namespace

void register_uplink_api(Router& router, const ApiParts& parts) {
    const auto add = [&](Method method, std::string pattern, std::uint32_t scopes,
                         std::function<void(const Request&, Responder)> handler) {
        Route route;
        route.method = method;
        route.pattern = std::move(pattern);
        route.scopes = scopes;
        route.handler = std::move(handler);
        router.add(std::move(route));
    };
    add(Method::get, "/api/v1/uplinks", scope::kReadLive,
        [&parts](const Request&, const Responder& respond) {
            const auto ledgers = parts.store.ledgers();
            JsonOut out;
            out.open().key("items").open('[');
            for (const PumpStatus& status : parts.uplinks.uplinks())
                add_uplink(out, parts, status, ledger_of(ledgers, status.sink));
            respond(json_response(out.close(']').key("next").raw("null").close().take()));
        });
    add(Method::get, "/api/v1/uplinks/{id}", scope::kReadLive,
        [&parts](const Request& request, const Responder& respond) {
            with_uplink(parts, request, respond,
                        [&parts](const PumpStatus& status, const std::vector<SinkLedger>& ledgers) {
                            JsonOut out;
                            add_uplink(out, parts, status, ledger_of(ledgers, status.sink));
                            return json_response(out.take());
                        });
        });
    add(Method::get, "/api/v1/uplinks/{id}/ledger", scope::kReadLive,
        [&parts](const Request& request, const Responder& respond) {
            with_uplink(parts, request, respond, ledger_response);
        });
    add(Method::get, "/api/v1/uplinks/{id}/dead", scope::kReadLive,
        [&parts](const Request& request, const Responder& respond) {
            with_uplink(parts, request, respond,
                        [&](const PumpStatus&, const std::vector<SinkLedger>&) {
                            return dead_response(parts, request);
                        });
        });
    for (const bool pause : {true, false})
        add(Method::post, std::string("/api/v1/uplinks/{id}/") + (pause ? "pause" : "resume"),
            scope::kWriteUplinks,
            [&parts, pause](const Request& request, const Responder& respond) {
                if (!parts.uplinks.pause(request.value("id"), pause))
                    return respond(not_found("uplink", request.value("id")));
                respond(json_response(pause ? R"({"paused":true})" : R"({"paused":false})"));
            });
}

}  // namespace fog
