#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/http/principal.hpp"

namespace fog {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };
std::string_view to_text(Method method);

/// A parsed request; no socket in it. A plain value, moved to the thread that answers.
struct Request {
    Method method = Method::get;
    std::string target;                                      // as sent
    std::string path;                                        // percent-decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  // decoded; order kept
    std::vector<std::pair<std::string, std::string>> path_values;  // {dev} of the route
    std::vector<std::pair<std::string, std::string>> headers;      // names in lower case
    std::string body;
    std::string remote;  // address of the client
    bool secure = false;
    bool loopback = false;
    Principal principal;  // who asks; nobody() if no credentials came

    std::string_view header(std::string_view lower_case_name) const;  // "" if absent
    std::string_view value(std::string_view path_name) const;         // "" if absent
    std::optional<std::string_view> parameter(std::string_view name) const;
};

/// Wish of a response to keep its client: executed by the transports, opaque to http.
struct Hold {
    virtual ~Hold() = default;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::shared_ptr<const std::string> shared_body;  // static assets: instead of `body`
    std::shared_ptr<Hold> hold;                      // with a hold the connection is kept
};

/// RFC 9457. `slug` becomes type /problems/<slug>.
struct Problem {
    unsigned status = 500;
    std::string slug;
    std::string title;
    std::string detail;
    std::string hint;
    std::vector<Fault> errors;
    std::optional<std::uint64_t> limit, value;
    std::optional<unsigned> retry_after_seconds;
    std::string members = {};  // more of them as JSON: "\"current\":{…}"
};
/// Its JSON text, also sent over WebSocket.
std::string problem_json(const Problem& problem, std::string_view instance = {});
Response problem_response(const Problem& problem, std::string_view instance = {});
/// The problem a failed Result stands for: bad_request 400, not_found 404, conflict 409, busy 503
/// ...
Problem problem_of(const Error& error);
Response json_response(std::string body, unsigned status = 200);

/// Takes the one answer to a request. Any thread; a second call is ignored.
using Responder = std::function<void(Response)>;

}  // namespace fog
