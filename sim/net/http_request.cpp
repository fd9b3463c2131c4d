#include "sim/net/http_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kHeadBytes = 16U << 10U;
constexpr std::size_t kHeaders = 100;
constexpr std::size_t kChunkLine = 256;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::optional<std::size_t> number(std::string_view text, int base) {
    std::size_t value = 0;
    const char* last = text.data() + text.size();
    const auto [end, ec] = std::from_chars(text.data(), last, value, base);
    if (ec != std::errc{} || end != last || text.empty()) return std::nullopt;
    return value;
}

HttpParse bad(std::string why) {
    HttpParse out;
    out.state = HttpParse::State::bad;
    out.why = std::move(why);
    return out;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 127 &&
               std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
    });
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 127; });
}

/// The request line and headers; false if they make no sense.
bool parse_head(std::string_view head, HttpRequest& out, std::string& why) {
    std::size_t at = head.find("\r\n");
    const std::string_view first = head.substr(0, at);
    const std::size_t space = first.find(' '), second = first.rfind(' ');
    if (space == std::string_view::npos || second == space) return why = "no request line", false;
    out.method = first.substr(0, space);
    out.target = first.substr(space + 1, second - space - 1);
    const std::string_view version = first.substr(second + 1);
    if (!is_token(out.method) || out.target.empty() || !is_printable(out.target)) {
        return why = "a request line that makes no sense", false;
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return why = "not HTTP/1.x", false;
    while (at != std::string_view::npos) {
        const std::size_t begin = at + 2;
        at = head.find("\r\n", begin);
        const std::string_view line = head.substr(begin, at - begin);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
            return why = "a header line that makes no sense", false;
        }
        if (out.headers.size() == kHeaders) return why = "more than 100 headers", false;
        out.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
    }
    const std::string connection = lower(out.header("connection"));
    out.keep_alive = version == "HTTP/1.1" ? connection != "close" : connection == "keep-alive";
    return true;
}

/// Chunks from `at` on: complete, incomplete or bad.
HttpParse read_chunks(std::string_view bytes, std::size_t at, std::size_t most, HttpParse out) {
    while (true) {
        const std::size_t end = bytes.find("\r\n", at);
        if (end == std::string_view::npos) {
            return bytes.size() - at > kChunkLine ? bad("a chunk without its length") : out;
        }
        std::string_view line = bytes.substr(at, std::min(end - at, kChunkLine));
        line = line.substr(0, line.find(';'));
        const auto size = number(trim(line), 16);
        if (!size) return bad("a chunk without its length");
        if (*size > most - out.request.body.size()) return bad("body too large");
        at = end + 2;
        if (*size == 0) break;
        if (bytes.size() - at < *size + 2) return out;
        out.request.body += bytes.substr(at, *size);
        if (bytes.substr(at + *size, 2) != "\r\n") return bad("a chunk longer than it said");
        at += *size + 2;
    }
    // Trailers are read over.
    while (true) {
        const std::size_t end = bytes.find("\r\n", at);
        if (end == std::string_view::npos) {
            return bytes.size() - at > kHeadBytes ? bad("trailers too long") : out;
        }
        const bool last = end == at;
        at = end + 2;
        if (last) break;
    }
    out.state = HttpParse::State::complete;
    out.used = at;
    return out;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

std::string_view HttpRequest::path() const {
    return std::string_view(target).substr(0, target.find('?'));
}

HttpParse parse_http_request(std::string_view bytes, std::size_t body_bytes) {
    const std::size_t head = bytes.substr(0, kHeadBytes).find("\r\n\r\n");
    HttpParse out;
    if (head == std::string_view::npos) {
        return bytes.size() >= kHeadBytes ? bad("head longer than 16 KiB") : out;
    }
    if (!parse_head(bytes.substr(0, head), out.request, out.why)) return bad(std::move(out.why));
    const std::size_t at = head + 4;
    const std::string_view length = out.request.header("content-length");
    const std::string coding = lower(out.request.header("transfer-encoding"));
    const bool expects = lower(out.request.header("expect")) == "100-continue";
    if (!coding.empty()) {
        if (coding != "chunked" || !length.empty()) return bad("a body of unknown length");
        out.wants_continue = expects && bytes.size() == at;
        return read_chunks(bytes, at, body_bytes, std::move(out));
    }
    std::size_t size = 0;
    if (!length.empty()) {
        const auto given = number(length, 10);
        if (!given) return bad("Content-Length is no number");
        size = *given;
    }
    if (size > body_bytes) return bad("body too large");
    if (bytes.size() - at < size) {
        out.wants_continue = expects && bytes.size() == at;
        return out;
    }
    out.request.body = bytes.substr(at, size);
    out.used = at + size;
    out.state = HttpParse::State::complete;
    return out;
}

std::string_view http_reason(unsigned status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 204:
            return "No Content";
        case 207:
            return "Multi-Status";
        case 307:
            return "Temporary Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 503:
            return "Service Unavailable";
        default:
            return status < 400 ? "Answer" : "Error";
    }
}

std::string http_response(unsigned status, std::string_view body, std::string_view content_type,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          bool keep_alive) {
    std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
    out += http_reason(status);
    out += "\r\n";
    if (status != 204) {
        out += "Content-Type: ";
        out += content_type;
        out += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    for (const auto& [key, value] : headers) out += key + ": " + value + "\r\n";
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    if (status != 204) out += body;
    return out;
}

}  // namespace fog::sim
