#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fog::sim {

struct HttpRequest {
    std::string method, target, body;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    bool keep_alive = true;
    std::string_view header(std::string_view name) const;  // lower case; "" if absent
    std::string_view path() const;                         // the target up to '?'
};

/// What the first bytes of a connection are.
struct HttpParse {
    enum class State : std::uint8_t { incomplete, complete, bad } state = State::incomplete;
    std::size_t used = 0;  // bytes of the request, if complete
    HttpRequest request;
    std::string why;              // if bad
    bool wants_continue = false;  // incomplete, and the client waits for "100 Continue"
};

/// Reads one HTTP/1.x request; bodies by Content-Length or chunked. Head at most 16 KiB, body at
/// most `body_bytes`. Pure, bounded; never throws.
HttpParse parse_http_request(std::string_view bytes, std::size_t body_bytes);

/// A whole response with Content-Length.
std::string http_response(unsigned status, std::string_view body,
                          std::string_view content_type = "application/json",
                          const std::vector<std::pair<std::string, std::string>>& headers = {},
                          bool keep_alive = true);
std::string_view http_reason(unsigned status);

}  // namespace fog::sim
