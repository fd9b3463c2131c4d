#include "firmware/http/assets.hpp"

#include <algorithm>

namespace fog {

namespace {

bool names_token(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        auto item = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        item = item.substr(0, item.find(';'));
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t'))
            item.remove_prefix(1);
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
        if (item.substr(0, 2) == "W/") item.remove_prefix(2);
        if (item == token) return true;
    }
    return false;
}

}  // namespace

std::optional<AssetAnswer> find_asset(std::span<const Asset> assets, const Request& request) {
    const std::string_view path =
        request.path == "/" ? std::string_view("/index.html") : std::string_view(request.path);
    const auto found = std::lower_bound(
        assets.begin(), assets.end(), path,
        [](const Asset& asset, std::string_view wanted) { return asset.path < wanted; });
    if (found == assets.end() || found->path != path) return std::nullopt;
    AssetAnswer answer;
    answer.asset = &*found;
    const auto have = request.header("if-none-match");
    if (!found->etag.empty() && (have == "*" || names_token(have, found->etag))) {
        answer.status = 304;
        return answer;
    }
    answer.gzip = !found->gzip.empty() && names_token(request.header("accept-encoding"), "gzip");
    answer.body = answer.gzip ? found->gzip : found->body;
    return answer;
}

}  // namespace fog
