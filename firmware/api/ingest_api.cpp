#include <algorithm>

#include "firmware/api/api.hpp"
#include "firmware/api/json_out.hpp"
#include "firmware/core/position.hpp"

namespace fog {
namespace {

Response refused(unsigned status, std::string_view slug, std::string_view title, std::string detail,
                 std::string hint, unsigned retry_after) {
    Problem problem;
    problem.status = status;
    problem.slug = slug;
    problem.title = title;
    problem.detail = std::move(detail);
    problem.hint = std::move(hint);
    if (retry_after != 0) problem.retry_after_seconds = retry_after;
    return problem_response(problem);
}

Response outcome_response(const IngestOutcome& outcome, std::uint64_t epoch) {
    if (!outcome.error.empty())
        return refused(507, "storage", "Nothing was stored", outcome.error,
                       "send it again later; nothing of it was promised", 5);
    if (!outcome.refused.empty())
        return refused(400, "body-invalid", "The body was not understood", outcome.refused,
                       "send a JSON object, an array of objects or a plain number", 0);
    JsonOut out;
    out.open().member("accepted", outcome.accepted).key("rejected").open('[');
    auto rejected = outcome.rejected;
    std::sort(rejected.begin(), rejected.end());
    for (const auto& [index, reason] : rejected)
        out.open().member("index", index).member("reason", reason).close();
    out.close(']').member("committed", outcome.committed);
    if (outcome.last_seq != 0)
        out.member("position", Position{epoch, Seq{outcome.last_seq}}.text());
    return json_response(out.close().take());
}

void ingest(const ApiParts& parts, Request request, Responder respond) {
    const std::string device(request.value("dev"));
    if (device.empty() || device.size() > parts.limits.name_bytes || !valid_utf8(device))
        return respond(refused(
            400, "device-invalid", "Bad device name",
            "a device name is UTF-8 of 1 to " + std::to_string(parts.limits.name_bytes) + " bytes",
            {}, 0));
    const auto ack = request.parameter("ack").value_or("commit");
    if (ack != "commit" && ack != "held")
        return respond(refused(400, "parameter-invalid", "Bad parameter",
                               "ack is '" + std::string(ack) + "', allowed is commit or held", {},
                               0));
    const auto type = request.header("content-type");
    if (!type.empty() && !type.starts_with("application/json") && !type.starts_with("text/plain"))
        return respond(refused(415, "media-type", "Unknown body type",
                               "'" + std::string(type.substr(0, 64)) + "' is not read here",
                               "send application/json or text/plain", 0));
    IngestItem item;
    item.kind = IngestKind::http;
    item.source = "http";
    item.topic = device;
    item.payload = as_bytes(request.body);
    item.received = parts.clock.mono();
    const auto epoch = parts.store.opened().epoch;
    const auto pushed = parts.ring.push(item, std::chrono::milliseconds(0),
                                        {[respond, epoch](const IngestOutcome& outcome) {
                                             respond(outcome_response(outcome, epoch));
                                         },
                                         ack == "commit"});
    switch (pushed) {
        case IngestRing::Push::ok:
            return;
        case IngestRing::Push::too_large:
            return respond(refused(413, "too-large", "Body too large",
                                   "the body does not fit the ingest ring",
                                   "send smaller batches or raise ingest.ring_bytes", 0));
        case IngestRing::Push::full:
            return respond(refused(503, "busy", "Too busy", "the ingest queue is full",
                                   "send it again in a second", 1));
        case IngestRing::Push::closed:
            return respond(refused(503, "draining", "Stopping", "the gateway is stopping",
                                   "send it again in a few seconds", 5));
    }
}

}  // namespace

void register_ingest_api(Router& router, const ApiParts& parts) {
    Route route;
    route.method = Method::post;
    route.pattern = "/api/v1/ingest/{dev}";
    route.scopes = scope::kIngest;
    route.run_on = RunOn::io;  // copies into the ring and returns
    route.body_bytes = std::min(parts.limits.ingest_body_bytes, parts.limits.ring_bytes / 4);
    route.handler = [&parts](Request request, Responder respond) {
        ingest(parts, std::move(request), std::move(respond));
    };
    router.add(std::move(route));
}

}  // namespace fog
