#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "firmware/http/held.hpp"
#include "firmware/push/client.hpp"
#include "firmware/push/hub.hpp"

namespace fog {

/// Checked parameters of a subscription for this caller: patterns, scopes, limits.
/// The problem of push specification section 15, or nothing.
std::optional<Problem> check_subscription(Hub& hub, const Principal& who, const ParamList& list,
                                          StreamParams& out, std::size_t patterns_already = 0);

/// A hold that becomes a client of the hub.
struct StreamHold final : ConnectionHold {
    Hub* hub = nullptr;
    std::function<std::unique_ptr<Client>(std::unique_ptr<HeldConnection>, const Request&)> make;
    std::optional<StreamParams> params;  // subscription "" at once

    void take(std::unique_ptr<HeldConnection> connection, const Request& request) override;
};

}  // namespace fog
