#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/core/result.hpp"

namespace fog {

struct HttpTarget {
    std::string url;    // "http://host:port", "https://host", "unix:/run/fogline/control.sock"
    std::string token;  // sent as Authorization: Bearer if not empty
    std::chrono::milliseconds connect{3'000};
    std::chrono::milliseconds read{10'000};  // between two reads
    std::size_t body_bytes = 16U << 20U;     // of an answer; more is an error
};

struct HttpAnswer {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string_view header(std::string_view name) const;  // any case; "" if absent
};

struct HttpCall {
    std::string method = "GET";
    std::string path;
    std::string body;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
};

/// HTTP and HTTPS client over TCP or a Unix socket; certificates are checked, redirects not
/// followed. Thread: its owner's. Blocks: up to `connect` and then `read` without a byte. Fails:
/// unreachable, timeout, denied (socket not ours to open, certificate), bad_request (url).
class HttpClient {
public:
    static Result<HttpClient> open(HttpTarget target);
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;
    ~HttpClient();

    Result<HttpAnswer> send(const HttpCall& call);
    /// A GET whose body is given piece by piece to `take`, until it returns false or the far side
    /// ends. An answer other than 2xx is collected and returned as by send().
    Result<HttpAnswer> stream(const HttpCall& call,
                              const std::function<bool(std::string_view)>& take);

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog
