#include "firmware/http/assets.hpp"

#include <doctest/doctest.h>

#include <array>
#include <fstream>

#include "tests/support/temp_folder.hpp"

using namespace fog;

namespace {

constexpr std::array<Asset, 2> kAssets = {{
    {"/app.js", "text/javascript", "abc", 14, "GZ", "BR", true},
    {"/index.html", "text/html", "idx", 13, "GZ", "", false},
}};

Request ask(std::string path, std::string encodings, std::string have = {}) {
    Request request;
    request.path = std::move(path);
    request.headers.emplace_back("accept-encoding", std::move(encodings));
    if (!have.empty()) request.headers.emplace_back("if-none-match", std::move(have));
    return request;
}

}  // namespace

TEST_CASE("assets: brotli is preferred, then gzip, then the plain bytes") {
    using Coding = AssetAnswer::Coding;
    const auto coding = [](const char* path, const char* list) {
        return find_asset(kAssets, ask(path, list))->coding;
    };
    CHECK(coding("/app.js", "gzip, br") == Coding::brotli);
    CHECK(coding("/app.js", "gzip, br;q=0") == Coding::gzip);
    CHECK(coding("/app.js", "identity") == Coding::identity);
    CHECK(coding("/", "br, gzip") == Coding::gzip);
    CHECK_FALSE(find_asset(kAssets, ask("/none.js", "br")));
}

TEST_CASE("assets: each coding has its ETag, and any of them gives 304") {
    const auto br = find_asset(kAssets, ask("/app.js", "br"));
    const auto gz = find_asset(kAssets, ask("/app.js", "gzip"));
    const auto plain = find_asset(kAssets, ask("/app.js", ""));
    CHECK(br->etag == "\"abc-br\"");
    CHECK(gz->etag == "\"abc-gz\"");
    CHECK(plain->etag == "\"abc\"");
    for (const auto* have : {"\"abc\"", "W/\"abc-gz\"", "\"x\", \"abc-br\"", "*"})
        CHECK(find_asset(kAssets, ask("/app.js", "br", have))->status == 304);
    CHECK(find_asset(kAssets, ask("/app.js", "br", "\"abd\""))->status == 200);
}

TEST_CASE("assets: a folder serves its files uncached and nothing outside of it") {
    const TempFolder root;
    const auto folder = root.path() / "ui";
    std::filesystem::create_directories(folder / "assets");
    std::ofstream(root.path() / "secret.txt") << "secret";
    std::ofstream(folder / "index.html") << "<p>";
    std::ofstream(folder / "assets" / "a.js") << "1";
    std::filesystem::create_symlink(root.path() / "secret.txt", folder / "out.txt");
    std::filesystem::create_directory_symlink(root.path(), folder / "up");
    std::filesystem::create_symlink(folder / "assets" / "a.js", folder / "in.js");
    const auto get = [&](const char* path) { return folder_asset(folder, ask(path, "gzip")); };
    const auto index = get("/");
    CHECK(index.status == 200);
    CHECK(index.body == "<p>");
    CHECK(index.content_type == "text/html; charset=utf-8");
    CHECK(index.headers.front().second == "no-store");
    CHECK(get("/assets/a.js").body == "1");
    CHECK(get("/in.js").body == "1");
    CHECK(get("/out.txt").status == 403);
    CHECK(get("/up/secret.txt").status == 403);
    for (const auto* path : {"/../secret.txt", "/assets/../../secret.txt", "/assets", "/none",
                             "/./index.html", "//index.html", "/assets/", "/a\\b"}) {
        CAPTURE(path);
        CHECK(get(path).status == 404);
    }
}
