#include "firmware/core/records.hpp"

#include <array>

#include "firmware/core/log_access.hpp"

namespace fog {

std::string_view to_text(Lane lane) {
    switch (lane) {
        case Lane::alarm:
            return "alarm";
        case Lane::reply:
            return "reply";
        case Lane::live:
            return "live";
        case Lane::bulk:
            return "bulk";
    }
    return "live";
}

bool parse_lane(std::string_view text, Lane& out) {
    for (const Lane lane : {Lane::alarm, Lane::reply, Lane::live, Lane::bulk}) {
        if (to_text(lane) != text) continue;
        out = lane;
        return true;
    }
    return false;
}

std::string_view to_text(MissingReason reason) {
    switch (reason) {
        case MissingReason::expired:
            return "expired";
        case MissingReason::evicted:
            return "evicted";
        case MissingReason::crash:
            return "crash";
        case MissingReason::epoch_changed:
            return "epoch-changed";
    }
    return "evicted";
}

std::string_view to_text(EventKind kind) {
    switch (kind) {
        case EventKind::alarm:
            return "alarm";
        case EventKind::device:
            return "device";
        case EventKind::command:
            return "command";
        case EventKind::rule:
            return "rule";
        case EventKind::uplink:
            return "uplink";
        case EventKind::system:
            return "system";
        case EventKind::app:
            return "app";
        case EventKind::raw:
            return "raw";
    }
    return "system";
}

}  // namespace fog
