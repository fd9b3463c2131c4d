#include "firmware/web/assets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "firmware/http/encoding.hpp"

using namespace fog;

TEST_CASE("web assets: every file of the folder is there and inflates to its bytes") {
    const std::filesystem::path folder = FOG_WEB_SOURCE;
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        ++files;
        const std::string name =
            "/" + std::filesystem::relative(entry.path(), folder).generic_string();
        CAPTURE(name);
        const auto all = web_assets();
        const auto found = std::ranges::find(all, name, &Asset::path);
        REQUIRE(found != all.end());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string wanted{std::istreambuf_iterator<char>(file), {}};
        CHECK(found->size == wanted.size());
        Inflater inflater(found->gzip);
        std::string got, chunk;
        while (inflater.next(chunk)) got += chunk;
        CHECK(got == wanted);
        CHECK(!found->brotli.empty());
        CHECK(found->brotli.size() <= found->gzip.size());
    }
    CHECK(files == web_assets().size());
}

TEST_CASE("web assets: the table is sorted by path, and index.html is not cached for ever") {
    const auto all = web_assets();
    CHECK(std::ranges::is_sorted(all, {}, &Asset::path));
    const auto index = std::ranges::find(all, "/index.html", &Asset::path);
    REQUIRE(index != all.end());
    CHECK_FALSE(index->immutable_name);
    CHECK(index->content_type == "text/html; charset=utf-8");
}
