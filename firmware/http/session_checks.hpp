#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "firmware/http/principal.hpp"
#include "firmware/http/router.hpp"
#include "firmware/http/server.hpp"

namespace fog {

/// Method, target, path and query of a request whose headers are set; 400 or 501 if they are not.
std::optional<Problem> fill_request(std::string_view method, Request& request);
/// Host (421) and Origin (403).
std::optional<Problem> check_names(const Request& request, const HttpConfig& config);
/// 404, or 405 whose hint is the Allow header.
Problem no_route(const Request& request, const std::vector<Method>& allowed);
/// Credentials, claim and scopes (401, 403); sets the principal.
std::optional<Problem> check_access(const Route& route, Authenticator& authenticator,
                                    Request& request);
/// 500 with an id; the text goes to the log only.
Response internal_fault(std::string_view what);

}  // namespace fog
