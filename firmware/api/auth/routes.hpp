#pragma once

#include "firmware/api/auth/auth_store.hpp"
#include "firmware/http/router.hpp"

namespace fog {

/// Adds /api/v1/claim, /session and /tokens. `store` outlives the router. Handlers run on fog-api.
///
/// | GET POST /claim | state; {code, passphrase} sets the passphrase and logs in |
/// | GET /claim/code, POST /claim/set {passphrase}, POST /claim/reset | control socket only |
/// | GET POST DELETE /session | who am I; {passphrase} gives the cookie; log out |
/// | GET POST /tokens, DELETE /tokens/{id} | {name, scopes, subscribe, ttl}; scope admin |
/// | POST /tokens/stream | {subscribe, ttl}; scope read:live |
void add_auth_routes(Router& router, AuthStore& store);

}  // namespace fog
