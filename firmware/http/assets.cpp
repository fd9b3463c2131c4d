#include "firmware/http/assets.hpp"

#include <algorithm>
#include <array>

#include "firmware/core/text.hpp"
#include "firmware/http/encoding.hpp"
#include "firmware/io/files.hpp"

namespace fog {

namespace {

constexpr std::size_t kLargestFile = 16U << 20U;

struct Kind {
    std::string_view ending;
    std::string_view type;
};
constexpr std::array<Kind, 10> kKinds = {{{".css", "text/css; charset=utf-8"},
                                          {".html", "text/html; charset=utf-8"},
                                          {".ico", "image/x-icon"},
                                          {".js", "text/javascript; charset=utf-8"},
                                          {".json", "application/json"},
                                          {".map", "application/json"},
                                          {".png", "image/png"},
                                          {".svg", "image/svg+xml"},
                                          {".txt", "text/plain; charset=utf-8"},
                                          {".webmanifest", "application/manifest+json"}}};

std::string_view file_of(const Request& request) {
    return request.path == "/" ? std::string_view("/index.html") : std::string_view(request.path);
}

std::string etag_of(const Asset& asset, std::string_view coding) {
    return "\"" + std::string(asset.tag) + std::string(coding) + "\"";
}

/// Whether If-None-Match names this file in any of its codings.
bool has_already(std::string_view list, const Asset& asset) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        auto item = trim(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        if (item == "*") return true;
        if (item.starts_with("W/")) item.remove_prefix(2);
        for (const std::string_view coding : {"", "-gz", "-br"})
            if (item == etag_of(asset, coding)) return true;
    }
    return false;
}

bool leaves(std::string_view path) {
    if (path.find('\0') != std::string_view::npos || path.find('\\') != std::string_view::npos)
        return true;
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const auto part = path.substr(0, path.find('/'));
        if (part.empty() || part == "." || part == "..") return true;
        path.remove_prefix(part.size());
    }
    return false;
}

Response refusal(unsigned status, std::string_view slug, std::string_view title,
                 std::string_view detail, const Request& request) {
    Problem problem;
    problem.status = status;
    problem.slug = slug;
    problem.title = title;
    problem.detail = detail;
    return problem_response(problem, request.path);
}

}  // namespace

std::optional<AssetAnswer> find_asset(std::span<const Asset> assets, const Request& request) {
    const std::string_view path = file_of(request);
    const auto found = std::lower_bound(
        assets.begin(), assets.end(), path,
        [](const Asset& asset, std::string_view wanted) { return asset.path < wanted; });
    if (found == assets.end() || found->path != path) return std::nullopt;
    AssetAnswer answer;
    answer.asset = &*found;
    const auto list = request.header("accept-encoding");
    answer.body = found->gzip;
    if (!found->brotli.empty() && accepts(list, "br")) {
        answer.coding = AssetAnswer::Coding::brotli;
        answer.body = found->brotli;
        answer.etag = etag_of(*found, "-br");
    } else if (accepts(list, "gzip")) {
        answer.coding = AssetAnswer::Coding::gzip;
        answer.etag = etag_of(*found, "-gz");
    } else {
        answer.etag = etag_of(*found, "");
    }
    if (has_already(request.header("if-none-match"), *found)) answer.status = 304;
    return answer;
}

Response folder_asset(const std::filesystem::path& folder, const Request& request) {
    const std::string path(file_of(request));
    const auto missing = [&request] {
        return refusal(404, "not-found", "There is nothing here", "no file at this path", request);
    };
    if (!path.starts_with('/') || leaves(path)) return missing();
    std::error_code fault;
    const auto root = std::filesystem::canonical(folder, fault);
    if (fault) return missing();
    const auto file = std::filesystem::canonical(root / path.substr(1), fault);
    if (fault || !std::filesystem::is_regular_file(file, fault)) return missing();
    const auto [at, end] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
    if (at != root.end())
        return refusal(403, "outside-folder", "Not in the folder of the page",
                       "the file is a link to somewhere else", request);
    auto bytes = read_file(file, kLargestFile);
    if (!bytes) return problem_response(problem_of(bytes.error()), request.path);
    Response response;
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&file](const Kind& one) {
        return file.extension() == one.ending;
    });
    response.content_type = kind != kKinds.end() ? kind->type : "application/octet-stream";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.body = std::move(*bytes);
    return response;
}

}  // namespace fog
