#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/core/limits.hpp"
#include "firmware/core/position.hpp"
#include "firmware/http/message.hpp"

namespace fog {

/// What happens to samples a client is too slow for (push specification section 9).
enum class SlowPolicy : std::uint8_t { conflate, drop_oldest, catch_up, close };
std::string_view to_text(SlowPolicy policy);

/// Where a subscription starts.
struct Since {
    enum class Kind : std::uint8_t { now, earliest, position, ago, time, unknown_epoch };
    Kind kind = Kind::now;
    Position position;
    std::chrono::nanoseconds ago{};
    WallTime time{};
};

/// The parameters of a subscription, checked.
struct StreamParams {
    std::vector<std::string> channels;
    std::uint16_t kinds = 0xFFFF;  // bits of kRecordKinds
    Since since;
    std::size_t replay_max = 10'000;
    std::optional<bool> snapshot;  // nothing = unless resumed without gap
    std::chrono::nanoseconds min_interval{};
    bool conflate_key = true;  // false: keep all, send together once per interval
    SlowPolicy slow = SlowPolicy::conflate;
    std::chrono::nanoseconds tick = std::chrono::seconds{15};
    bool tick_event = false;
    std::uint16_t pad = 0;
    bool names = true;
};

using ParamList = std::vector<std::pair<std::string, std::string>>;

/// Query of a request as parameters: `channel` is percent-decoded only, the others form-decoded.
ParamList stream_query(std::string_view target);
/// Members of a JSON object as parameters: arrays repeat, numbers and truth values become text.
/// Else a Problem json-invalid or parameter-invalid.
struct JsonParams {
    ParamList list;
    std::optional<Problem> problem;
};
JsonParams json_params(std::string_view body, std::size_t most_depth = 8);

/// Checks a list; the first fault as a Problem (400, 422 or 501).
std::optional<Problem> parse_stream_params(const ParamList& list, const Limits& limits,
                                           StreamParams& out);
/// Puts the Last-Event-ID header first: malformed counts as an unknown epoch.
void apply_last_event_id(std::string_view header, StreamParams& params);

/// First channel the patterns do not contain (`*` is replaced by the patterns); nothing = all may.
std::optional<std::string> narrow_to(const std::vector<std::string>& patterns,
                                     std::vector<std::string>& channels);

/// Form of the stream resource a request asks for.
enum class StreamForm : std::uint8_t { websocket, sse, ndjson, poll, none };
StreamForm choose_form(const Request& request);
std::string_view to_text(StreamForm form);

}  // namespace fog
