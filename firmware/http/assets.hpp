#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/http/message.hpp"

namespace fog {

/// One file of the web page, embedded in the program (static storage, lives for ever).
struct Asset {
    std::string_view path;          // "/index.html"; sorted by path in the table
    std::string_view content_type;  // "text/html; charset=utf-8"
    std::string_view etag;          // with quotes
    std::string_view body;
    std::string_view gzip;        // empty = only plain
    bool immutable_name = false;  // the name holds a hash: may be cached for ever
};

/// What an asset answers: bytes are views into the table, never copied.
struct AssetAnswer {
    unsigned status = 200;  // or 304
    std::string_view body;
    bool gzip = false;
    const Asset* asset = nullptr;
};
/// The answer to a GET or HEAD of `path` ("/" means /index.html); nothing if there is no such file.
std::optional<AssetAnswer> find_asset(std::span<const Asset> assets, const Request& request);

}  // namespace fog
