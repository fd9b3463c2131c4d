#include "cloud-uplink/pump/status.hpp"

namespace fog {

std::string_view to_text(PumpState state) {
    switch (state) {
        case PumpState::stopped:
            return "stopped";
        case PumpState::paused:
            return "paused";
        case PumpState::connecting:
            return "connecting";
        case PumpState::streaming:
            return "streaming";
        case PumpState::backing_off:
            return "backing-off";
        case PumpState::failed:
            return "failed";
    }
    return "stopped";
}

}  // namespace fog
