#include <array>
#include <cmath>
#include <filesystem>
#include <memory>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/api/openapi.hpp"
#include "firmware/io/files.hpp"

namespace fog {
namespace {

std::uint64_t resident_bytes() {
    const auto text = read_file("/proc/self/statm", 4096);
    if (!text) return 0;
    const auto first = text->find(' ');
    const auto pages = parse_int(
        std::string_view(*text).substr(first + 1, text->find(' ', first + 1) - first - 1));
    return static_cast<std::uint64_t>(pages.value_or(0)) * 4096;
}

void add_log(JsonOut& out, const ApiParts& parts) {
    const StoreStatus status = parts.store.status();
    out.open()
        .member("position", Position{parts.store.opened().epoch, status.committed}.text())
        .member("committed", status.committed.value)
        .member("commits", status.commits)
        .member("degraded", status.degraded)
        .member("error", status.error)
        .member("database_bytes", status.database_bytes)
        .member("wal_bytes", status.wal_bytes)
        .member("max_bytes", status.max_bytes)
        .member("queued_records", status.queued_records)
        .member("replaced", parts.store.opened().replaced);
    if (parts.store.opened().replaced) out.member("damage", parts.store.opened().damage);
    out.key("lanes").open();
    for (std::size_t i = 0; i < kLanes; ++i) {
        const LaneStatus& lane = status.lanes[i];
        out.key(to_text(static_cast<Lane>(i)))
            .open()
            .member("records", lane.records)
            .member("bytes", lane.bytes)
            .member("budget", lane.budget)
            .member("segments", lane.segments)
            .member("tail_rows", lane.tail_rows)
            .member("hours_until_full", lane.hours_until_full)
            .close();
    }
    out.close()
        .key("raw")
        .open()
        .member("bytes", status.raw_bytes)
        .member("max_bytes", status.raw_max)
        .member("evicted", status.raw_evicted)
        .close()
        .key("written_bytes")
        .open();
    for (std::size_t i = 0; i < kWearCauses; ++i)
        out.member(to_text(static_cast<WearCause>(i)), status.wear[i]);
    out.close().close();
}

void add_ring(JsonOut& out, const RingCounts& ring) {
    out.open()
        .member("pushed", ring.pushed)
        .member("popped", ring.popped)
        .member("released", ring.released)
        .member("refused_full", ring.refused_full)
        .member("refused_large", ring.refused_large)
        .member("recovered", ring.recovered)
        .member("torn", ring.torn)
        .member("exposed", ring.exposed)
        .member("bytes_used", ring.bytes_used)
        .member("bytes_size", ring.bytes_size)
        .close();
}

/// What only fog-pipe knows; counted there, written as JSON elsewhere.
struct PipeFacts {
    std::size_t devices = 0, points = 0, rules = 0;
    std::array<std::size_t, 4> alarms{};  // by Severity
    std::size_t unack = 0;
    std::vector<LinkState> links;
};

PipeFacts facts_of(const ApiParts& parts, PipelineDesk& desk) {
    PipeFacts out;
    out.devices = desk.registry.devices().size();
    out.points = desk.registry.point_count();
    out.rules = desk.rules.list().size();
    for (const AlarmInfo& alarm : desk.rules.alarms()) {
        ++out.alarms[static_cast<std::size_t>(alarm.severity)];
        if (alarm.state == AlarmState::active_unack || alarm.state == AlarmState::returned_unack)
            ++out.unack;
    }
    out.links = parts.links();
    return out;
}

void add_uplinks(JsonOut& out, const ApiParts& parts) {
    std::size_t up = 0, paused = 0;
    std::uint64_t waiting = 0;
    const auto all = parts.uplinks.uplinks();
    for (const PumpStatus& one : all) {
        up += one.state == PumpState::streaming ? 1 : 0;
        paused += one.state == PumpState::paused ? 1 : 0;
    }
    for (const SinkLedger& ledger : parts.store.ledgers()) waiting += ledger.sum().waiting;
    out.key("uplinks")
        .open()
        .member("up", up)
        .member("down", all.size() - up - paused)
        .member("paused", paused)
        .member("waiting", waiting)
        .close();
}

void add_storage(JsonOut& out, const StoreStatus& status) {
    double hours = -1;
    for (const LaneStatus& lane : status.lanes)
        if (lane.hours_until_full >= 0 && (hours < 0 || lane.hours_until_full < hours))
            hours = lane.hours_until_full;
    out.key("storage")
        .open()
        .member("used_bytes", status.database_bytes + status.wal_bytes)
        .member("max_bytes", status.max_bytes)
        .member("degraded", status.degraded)
        .key("days_left");
    hours < 0 ? out.raw("null") : out.value(std::round(hours / 24 * 10) / 10);
    out.close();
}

// The page asks a simulator only where one is: its socket is there while it runs.
bool simulator_runs(const ApiParts& parts) {
    std::error_code error;
    return !parts.simulator_socket.empty() &&
           std::filesystem::is_socket(parts.simulator_socket, error);
}

void add_link(JsonOut& out, const LinkState& link) {
    out.open().member("id", link.id).member("up", link.up).member("words", link.words);
    if (!link.address.empty()) out.member("address", link.address);
    out.close();
}

Response status(const ApiParts& parts) {
    const auto facts = std::make_shared<PipeFacts>();  // the job may outlast our patience
    if (!wait_on_pipe(parts,
                      [&parts, facts](PipelineDesk& desk) { *facts = facts_of(parts, desk); }))
        return problem_response(problem_of(Error{Errc::busy, "no answer in time", {}}));
    JsonOut out;
    const auto now = parts.clock.mono();
    const std::string name = parts.gateway.get()->name;
    out.open()
        .member("gw", parts.records.gateway)
        .member("name", name)
        .member("version", parts.version)
        .member("config_hash", parts.config_hash)
        .member("uptime_s", std::chrono::duration<double>(now - parts.started).count())
        .member("resident_bytes", resident_bytes())
        .member("devices", facts->devices)
        .member("points", facts->points)
        .member("rules", facts->rules)
        .member("simulator", simulator_runs(parts));
    if (const auto port = parts.mqtt_port ? parts.mqtt_port() : 0; port != 0)
        out.member("mqtt_port", port);
    out.key("gateway").open().member("id", parts.records.gateway).member("name", name);
    out.member("time_zone", parts.gateway.get()->time_zone).close();
    out.key("clock").open().time("time", parts.clock.wall());
    out.member("trusted", parts.clock.trusted()).close();
    out.key("alarms").open();
    for (const Severity severity :
         {Severity::critical, Severity::high, Severity::medium, Severity::low})
        out.member(to_text(severity), facts->alarms[static_cast<std::size_t>(severity)]);
    out.member("unack", facts->unack).close();
    add_uplinks(out, parts);
    add_storage(out, parts.store.status());
    add_log(out.key("log"), parts);
    add_ring(out.key("ring"), parts.ring.counts());
    out.key("links").open('[');
    for (const LinkState& link : facts->links) add_link(out, link);
    return json_response(out.close(']').close().take());
}

Response metrics(const ApiParts& parts) {
    parts.metrics.gauge("fogline_resident_bytes", "", "resident memory")
        .set(static_cast<std::int64_t>(resident_bytes()));
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = parts.metrics.render();
    return response;
}

Response health(const std::string& missing) {
    if (missing.empty()) return json_response(R"({"status":"ok"})");
    Problem problem;
    problem.status = 503;
    problem.slug = "not-ready";
    problem.title = "Not ready";
    problem.detail = missing;
    problem.retry_after_seconds = 1;
    return problem_response(problem);
}

// fog-pipe must have turned within this time.
constexpr auto kAlive = std::chrono::seconds(5);

std::string stuck(const ApiParts& parts) {
    return parts.clock.mono() - parts.pipeline.last_turn() > kAlive ? "fog-pipe does not turn" : "";
}

}  // namespace

void register_system_api(Router& router, const ApiParts& parts) {
    const auto add = [&](std::string pattern, bool open, RunOn where,
                         std::function<void(const Request&, Responder)> handler) {
        Route route;
        route.pattern = std::move(pattern);
        route.scopes = open ? 0 : scope::kReadLive;
        route.open = open;
        route.before_claim = open;
        route.run_on = where;
        route.handler = std::move(handler);
        router.add(std::move(route));
    };
    add("/api/v1/status", false, RunOn::api,
        [&parts](const Request&, const Responder& respond) { respond(status(parts)); });
    add("/api/v1/log", false, RunOn::api, [&parts](const Request&, const Responder& respond) {
        JsonOut out;
        add_log(out, parts);
        respond(json_response(out.take()));
    });
    add("/metrics", parts.metrics_open, RunOn::api,
        [&parts](const Request&, const Responder& respond) { respond(metrics(parts)); });
    add("/api/v1/openapi.yaml", true, RunOn::io, [](const Request&, const Responder& respond) {
        Response response;
        response.content_type = "application/yaml";
        response.body = openapi_text();
        respond(std::move(response));
    });
    add("/livez", true, RunOn::io,
        [&parts](const Request&, const Responder& respond) { respond(health(stuck(parts))); });
    for (const auto* path : {"/readyz", "/healthz"})
        add(path, true, RunOn::io, [&parts](const Request&, const Responder& respond) {
            const auto missing = stuck(parts);
            respond(health(missing.empty() ? parts.not_ready() : missing));
        });
}

}  // namespace fog
