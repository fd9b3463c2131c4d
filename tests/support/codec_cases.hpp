#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "drivers/driver.hpp"
#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "tests/support/collected.hpp"

namespace fog {

/// A codec from TOML text; faults fail the test.
inline std::unique_ptr<Codec> make_codec(const DriverInfo& info, std::string_view toml) {
    std::vector<Fault> faults;
    const auto config = parse_toml(toml, "case", faults);
    REQUIRE(config);
    ConfigView view(*config, faults);
    auto codec = info.make_codec(view);
    view.done();
    for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
    return codec;
}

/// Bytes of a .hex file: pairs of digits, blanks between, '#' begins a comment.
inline Bytes read_hex(const std::filesystem::path& path) {
    const auto text = read_file(path);
    REQUIRE(text);
    Bytes bytes;
    std::string digits;
    bool comment = false;
    for (const char c : *text) {
        comment = c == '#' || (comment && c != '\n');
        if (comment || c == ' ' || c == '\n') continue;
        digits += c;
        if (digits.size() < 2) continue;
        bytes.push_back(static_cast<std::byte>(std::stoul(digits, nullptr, 16)));
        digits.clear();
    }
    return bytes;
}

/// What a codec made of some bytes, as JSON that people can review.
inline std::string told(const Collected& out, const CodecStats& stats) {
    std::string text = "{\n  \"readings\": [";
    const char* between = "\n    ";
    for (const Reading& one : out.readings) {
        Node node;
        node.set("key", {}).data = one.device_key;
        node.set("pt", {}).data = one.point;
        Node value;
        std::visit(
            [&value](const auto& v) {
                if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::monostate>)
                    value.data = v;
            },
            one.value);
        node.set("v", std::move(value));
        if (!one.unit.empty()) node.set("u", {}).data = one.unit;
        node.set("q", {}).data = to_text(one.quality);
        if (one.source_time != WallTime{}) node.set("ts", {}).data = to_rfc3339(one.source_time);
        if (one.diagnostic) node.set("diagnostic", {}).data = true;
        text += between + write_json(node);
        between = ",\n    ";
    }
    text += "\n  ],\n  \"raw\": [";
    between = "\n    ";
    for (const auto& [bytes, why] : out.raws) {
        text += between;
        append_json_string(text, why);
        between = ",\n    ";
    }
    Node counted;
    const auto count = [&counted](const char* name, std::uint64_t n) {
        counted.set(name, {}).data = static_cast<std::int64_t>(n);
    };
    count("frames", stats.frames);
    count("readings", stats.readings);
    count("frame_bytes", stats.frame_bytes);
    count("discarded_bytes", stats.discarded_bytes);
    count("bad_crc", stats.bad_crc);
    count("bad_frame", stats.bad_frame);
    count("undecodable", stats.undecodable);
    count("oversized", stats.oversized);
    count("repeated", stats.repeated);
    count("device_dropped", stats.device_dropped);
    return text + "\n  ],\n  \"stats\": " + write_json(counted) + "\n}\n";
}

/// Runs every folder of cases/: wire.hex (and config.toml) in, expected.json out; whole and byte by
/// byte. With FOG_UPDATE_GOLDEN=1 in the environment it writes expected.json instead.
inline void run_codec_cases(const DriverInfo& info, const std::filesystem::path& cases) {
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(cases))
        if (entry.is_directory()) folders.push_back(entry.path());
    std::ranges::sort(folders);
    REQUIRE(!folders.empty());
    for (const auto& folder : folders) {
        CAPTURE(folder.filename().string());
        const auto toml = read_file(folder / "config.toml");
        const Bytes wire = read_hex(folder / "wire.hex");
        for (const std::size_t slice : {wire.size(), std::size_t{1}}) {
            const auto codec = make_codec(info, toml ? *toml : "");
            Collected out;
            for (std::size_t at = 0; at < wire.size(); at += slice)
                codec->feed(std::span(wire).subspan(at, std::min(slice, wire.size() - at)), out);
            const std::string got = told(out, codec->stats());
            // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, before anything runs
            if (std::getenv("FOG_UPDATE_GOLDEN") != nullptr)
                REQUIRE(write_file(folder / "expected.json", got, 0644));
            CHECK(got == read_file(folder / "expected.json").value_or(""));
        }
    }
}

}  // namespace fog
