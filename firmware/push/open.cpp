#include "firmware/push/open.hpp"

#include <utility>

namespace fog {

std::optional<Problem> check_subscription(Hub& hub, const Principal& who, const ParamList& list,
                                          StreamParams& out, std::size_t patterns_already) {
    const Limits& limits = hub.parts().limits;
    if (auto problem = parse_stream_params(list, limits, out)) return problem;
    const auto refused = [](std::string detail) {
        Problem problem;
        problem.status = 403;
        problem.slug = "not-allowed";
        problem.title = "Not allowed";
        problem.detail = std::move(detail);
        return problem;
    };
    if (!who.may(scope::kReadLive)) return refused("needs read:live");
    const bool by_time = out.since.kind == Since::Kind::earliest ||
                         out.since.kind == Since::Kind::ago || out.since.kind == Since::Kind::time;
    if (by_time && !who.may(scope::kReadHistory))
        return refused("since as time, duration or earliest needs read:history");
    if (const auto outside = narrow_to(who.patterns, out.channels))
        return refused("channel '" + *outside + "' is outside of what the token may subscribe");
    for (const auto& channel : out.channels)
        if (channel.rfind("mqtt", 0) == 0 && !who.may(scope::kAdmin))
            return refused("channel '" + channel + "' needs admin");
    if (patterns_already + out.channels.size() <= limits.patterns_per_client) return std::nullopt;
    Problem problem;
    problem.status = 422;
    problem.slug = "limit-exceeded";
    problem.title = "Too many channels";
    problem.limit = limits.patterns_per_client;
    problem.value = patterns_already + out.channels.size();
    return problem;
}

void StreamHold::take(std::unique_ptr<HeldConnection> connection, const Request& request) {
    Client& client = hub->add_client(make(std::move(connection), request));
    if (params) client.subscribe("", std::move(*params));
}

}  // namespace fog
