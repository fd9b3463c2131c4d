#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "firmware/http/message.hpp"

namespace fog {

/// One file of the web page, embedded in the program (static storage, lives for ever). There is no
/// plain copy: it is what `gzip` inflates to.
struct Asset {
    std::string_view path;          // "/index.html"; sorted by path in the table
    std::string_view content_type;  // "text/html; charset=utf-8"
    std::string_view tag;           // of the plain bytes; the ETag adds the coding
    std::size_t size = 0;           // of the plain bytes
    std::string_view gzip;
    std::string_view brotli;
    bool immutable_name = false;  // the name holds a hash: may be cached for ever
};

/// What an asset answers: bytes are views into the table, never copied.
struct AssetAnswer {
    enum class Coding : std::uint8_t { identity, gzip, brotli };
    unsigned status = 200;  // or 304
    Coding coding = Coding::identity;
    std::string_view body;  // of identity: the gzip, to be inflated
    std::string etag;       // strong, one for each coding
    const Asset* asset = nullptr;
};
/// The answer to a GET or HEAD of `path` ("/" means /index.html); nothing if there is no such file.
std::optional<AssetAnswer> find_asset(std::span<const Asset> assets, const Request& request);

/// A file of `folder` instead of what is embedded, not to be cached. Traversal and links that leave
/// the folder are refused (404, 403); only plain files up to 16 MiB. Blocks on the disk.
Response folder_asset(const std::filesystem::path& folder, const Request& request);

}  // namespace fog
