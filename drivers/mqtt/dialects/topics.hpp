#pragma once

#include <string>
#include <string_view>

namespace fog {

/// Topics that are never looked at: the broker's own ($SYS), ours (fogline), commands, logs.
bool never_ingested(std::string_view topic);

/// Topics by which devices are told what to do; part of those above.
bool is_command_topic(std::string_view topic);

/// Where the generic dialects put a message: "tele/cold1/SENSOR" is device "cold1", rest "SENSOR".
struct TopicPlace {
    std::string device;     // path without '/' at the ends, "mqtt" if nothing is left
    std::string_view last;  // the last level
};
/// All levels but a last one that is a verb (state, telemetry, SENSOR ...) name the device.
TopicPlace place_of_object(std::string_view topic);
/// The last level is the point, what is above it the device.
TopicPlace place_of_scalar(std::string_view topic);

}  // namespace fog
