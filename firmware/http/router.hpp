#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/http/message.hpp"

namespace fog {

/// Where a handler runs: at once on fog-io (must not block) or on the fog-api pool (may read the
/// disk).
enum class RunOn : std::uint8_t { io, api };

struct Route {
    Method method = Method::get;
    std::string pattern;        // "/api/v1/devices/{dev}"; a last "{rest...}" takes what is left
    std::uint32_t scopes = 0;   // all of them needed; 0 with open = true: nobody in particular
    bool open = false;          // answers without credentials
    bool before_claim = false;  // answers on an unclaimed box
    RunOn run_on = RunOn::api;
    std::size_t body_bytes = 0;  // most; 0 = Limits::body_bytes
    std::function<void(Request, Responder)> handler;
};

/// All routes of the listener. Filled at start, then only read (by fog-io).
class Router {
public:
    void add(Route route);
    struct Found {
        const Route* route = nullptr;  // null: see `allowed`
        std::vector<std::pair<std::string, std::string>> values;
        std::vector<Method> allowed;  // methods of the path, for 405; empty = 404
    };
    /// Literal segments win over {names}.
    Found find(Method method, std::string_view path) const;
    const std::vector<Route>& routes() const { return routes_; }

private:
    std::vector<Route> routes_;
};

}  // namespace fog
