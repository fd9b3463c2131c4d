#include "firmware/push/params.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using fog::Since;

namespace {

std::optional<fog::Problem> parse(std::string_view query, fog::StreamParams& out) {
    const fog::Limits limits;
    return fog::parse_stream_params(fog::stream_query("/x?" + std::string(query)), limits, out);
}

}  // namespace

TEST_CASE("stream parameters: a literal plus stays a wildcard, other values are form-decoded") {
    fog::StreamParams params;
    REQUIRE_FALSE(parse(
        "channel=samples/+/temp&channel=alarms/%23&since=2026-11-21T10:00:00%2B01:00", params));
    CHECK(params.channels == std::vector<std::string>{"samples/+/temp", "alarms/#"});
    CHECK(params.since.kind == Since::Kind::time);
}

TEST_CASE("stream parameters: durations are milliseconds or have a unit") {
    fog::StreamParams params;
    REQUIRE_FALSE(parse("channel=%23&min_interval=250&tick=10s&since=5m", params));
    CHECK(params.min_interval == 250ms);
    CHECK(params.tick == 10s);
    CHECK(params.since.kind == Since::Kind::ago);
    CHECK(params.since.ago == 5min);
}

TEST_CASE("stream parameters: last_event_id is stronger than since, the header stronger still") {
    fog::StreamParams params;
    const fog::Position position{7, fog::Seq{9}};
    REQUIRE_FALSE(
        parse("channel=%23&last_event_id=" + position.text() + "&since=earliest", params));
    CHECK(params.since.position == position);
    fog::apply_last_event_id("garbage", params);
    CHECK(params.since.kind == Since::Kind::unknown_epoch);
}

TEST_CASE("stream parameters: what is wrong names the parameter") {
    for (const auto* query :
         {"channel=%23&replay_max=-1", "channel=%23&replay_max=100001", "channel=%23&pad=4097",
          "channel=%23&tick=61s", "channel=%23&slow=never", "channel=%23&names=yes",
          "channel=%23&min_interval=nan", "channel=%23&conflate=key", "channel=%23&kind=smaple"}) {
        fog::StreamParams params;
        const auto problem = parse(query, params);
        REQUIRE_MESSAGE(problem, query);
        CHECK(problem->status == 400);
        CHECK(problem->slug == "parameter-invalid");
    }
}

TEST_CASE("stream form: upgrade, then transport=, then Accept by quality, then SSE") {
    const auto form = [](std::string accept, std::string transport = "") {
        fog::Request request;
        if (!accept.empty()) request.headers.emplace_back("accept", accept);
        if (!transport.empty()) request.query.emplace_back("transport", transport);
        return fog::choose_form(request);
    };
    CHECK(form("") == fog::StreamForm::sse);
    CHECK(form("*/*") == fog::StreamForm::sse);
    CHECK(form("application/json;q=0.9, text/event-stream;q=0.5") == fog::StreamForm::poll);
    CHECK(form("application/x-ndjson") == fog::StreamForm::ndjson);
    CHECK(form("image/png") == fog::StreamForm::none);
    CHECK(form("application/json", "sse") == fog::StreamForm::sse);
    fog::Request upgrade;
    upgrade.headers.emplace_back("upgrade", "WebSocket");
    CHECK(fog::choose_form(upgrade) == fog::StreamForm::websocket);
}

TEST_CASE("stream channels: nothing is narrowed silently, a star means what the token has") {
    const std::vector<std::string> patterns = {"samples/boiler/#", "alarms/#"};
    std::vector<std::string> channels = {"samples/boiler/+"};
    CHECK_FALSE(fog::narrow_to(patterns, channels));
    channels = {"alarms/x", "samples/#"};
    CHECK(fog::narrow_to(patterns, channels) == std::optional<std::string>("samples/#"));
    channels = {"*"};
    CHECK_FALSE(fog::narrow_to(patterns, channels));
    CHECK(channels.size() == 2);
}
