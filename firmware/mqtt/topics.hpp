#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firmware/http/principal.hpp"

namespace fog::mqtt {

/// Whether a topic is the gateway's own: fogline and everything below it.
bool is_gateway_topic(std::string_view topic);
/// Whether a filter may match such a topic.
bool may_match_gateway(std::string_view filter);
/// The MQTT topic of a hub channel: samples/<dev>/<pt> is fogline/v1/<dev>/<pt>, and so on. Empty:
/// the channel has none.
std::string gateway_topic(std::string_view channel);

/// Everything a filter means, as patterns of hub channels: raw topics live below mqtt/.
std::vector<std::string> hub_patterns(std::string_view filter);
/// Whether a credential with these channel patterns may subscribe to all of it.
bool may_subscribe(const Principal& principal, std::string_view filter);

}  // namespace fog::mqtt
