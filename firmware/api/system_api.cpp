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
            .member("hours_until_full", lane.hours_until_full)
            .close();
    }
    out.close().key("written_bytes").open();
    static constexpr std::string_view kCauses[] = {"commit", "checkpoint", "other"};
    for (std::size_t i = 0; i < kWearCauses; ++i) out.member(kCauses[i], status.wear[i]);
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

void status(const ApiParts& parts, const Request&, Responder respond) {
    answer_on_pipe(parts, std::move(respond), [&parts](PipelineDesk& desk) {
        JsonOut out;
        const auto now = parts.clock.mono();
        out.open()
            .member("gw", parts.records.gateway)
            .member("name", parts.gateway_name)
            .member("version", parts.version)
            .time("clock", parts.clock.wall())
            .member("clock_trusted", parts.clock.trusted())
            .member("uptime_s", std::chrono::duration<double>(now - parts.started).count())
            .member("resident_bytes", resident_bytes())
            .member("devices", desk.registry.devices().size())
            .member("points", desk.registry.point_count())
            .member("alarms", desk.rules.alarms().size())
            .member("rules", desk.rules.list().size());
        add_log(out.key("log"), parts);
        add_ring(out.key("ring"), parts.ring.counts());
        out.key("links").open('[');
        for (const LinkState& link : parts.links())
            out.open()
                .member("id", link.id)
                .member("up", link.up)
                .member("words", link.words)
                .close();
        return json_response(out.close(']').close().take());
    });
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
    add("/api/v1/status", false, RunOn::io, [&parts](const Request& request, Responder respond) {
        status(parts, request, std::move(respond));
    });
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
