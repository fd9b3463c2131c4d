#pragma once

#include <span>

#include "firmware/http/router.hpp"
#include "firmware/push/hub.hpp"
#include "firmware/push/transport.hpp"

namespace fog {

/// Adds /api/v1/stream, /events/…, /api/v1/push/clients. The hub outlives the router's use.
void register_push_routes(Router& router, Hub& hub,
                          std::span<const TransportInfo* const> transports);

}  // namespace fog
