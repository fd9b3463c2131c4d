#include "drivers/line_ascii/config.hpp"

#include <algorithm>

#include "drivers/line_ascii/decode_pattern.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/text.hpp"

namespace fog::line {

namespace {

constexpr std::string_view kCode = "E0401";
constexpr std::size_t kMostColumns = 64;

void read_mark(ConfigView& config, std::string_view key, std::string& mark) {
    std::string text = config.text(key, mark);
    if (text.empty() || text.size() > 4) {
        config.fault(key, std::string(kCode), "must have 1 to 4 bytes");
        return;
    }
    mark = std::move(text);
}

void read_framing(ConfigView& config, LineFraming& framing) {
    const std::string kind =
        config.choice("framing", "delimiter", {"delimiter", "length", "start_end", "idle"});
    framing.max_len = static_cast<std::size_t>(config.integer(
        "max_len", static_cast<std::int64_t>(framing.max_len), 1, Limits{}.line_bytes));
    if (kind == "idle") {
        config.fault("framing", std::string(kCode),
                     "framing by an idle line is not supported: codecs see no time",
                     "use \"delimiter\", \"length\" or \"start_end\"");
        return;
    }
    if (kind == "delimiter") {
        read_mark(config, "delimiter", framing.delimiter);
    } else if (kind == "length") {
        framing.kind = LineFraming::Kind::length;
        framing.length = static_cast<std::size_t>(
            config.integer("length", 1, 1, static_cast<std::int64_t>(framing.max_len)));
        if (!config.has("length"))
            config.fault("length", std::string(kCode), "is needed for framing = \"length\"");
    } else {
        framing.kind = LineFraming::Kind::start_end;
        framing.start = framing.end = "\n";
        read_mark(config, "start", framing.start);
        read_mark(config, "end", framing.end);
        if (!config.has("start"))
            config.fault("start", std::string(kCode), "is needed for framing = \"start_end\"");
    }
}

void read_checksum(ConfigView& config, Options& options) {
    const std::string kind =
        config.choice("checksum", "none", {"none", "xor8", "sum8", "crc16-modbus", "crc16-ccitt"});
    if (kind == "xor8") options.checksum = Checksum::xor8;
    if (kind == "sum8") options.checksum = Checksum::sum8;
    if (kind == "crc16-modbus") options.checksum = Checksum::crc16_modbus;
    if (kind == "crc16-ccitt") options.checksum = Checksum::crc16_ccitt;
    options.checksum_mark = config.text("checksum_mark", options.checksum_mark);
    options.checksum_skip =
        static_cast<std::size_t>(config.integer("checksum_skip", 0, 0, Limits{}.line_bytes));
}

std::vector<std::string> read_names(ConfigView& config, std::string_view key) {
    std::vector<std::string> names = config.texts(key);
    if (names.size() > kMostColumns) {
        config.fault(key, std::string(kCode), "names more than 64 points");
        names.resize(kMostColumns);
    }
    for (std::string& name : names)
        if (name != "*") name = point_slug(name);
    return names;
}

void read_pattern(ConfigView& config, Options& options) {
    const auto fault = options.decoder == DecoderKind::pattern
                           ? check_template(options.pattern)
                           : check_regex(options.pattern, options.points.size());
    if (!fault.empty())
        config.fault(options.decoder == DecoderKind::pattern ? "template" : "regex",
                     std::string(kCode), fault);
}

void read_decoder(ConfigView& config, Options& options) {
    const std::string kind = config.choice(
        "decode", "key_value", {"key_value", "template", "regex", "csv", "json_lines", "number"});
    options.points = read_names(config, "points");
    options.columns = read_names(config, "columns");
    options.decimal_comma = config.flag("decimal_comma", false);
    // With a decimal comma the comma no longer separates.
    if (options.decimal_comma) options.pair_separators = " ;\t";
    options.pair_separators = config.text("pair_separators", options.pair_separators);
    options.key_separators = config.text("key_separators", options.key_separators);
    const std::string separator = config.text("csv_separator", options.decimal_comma ? ";" : ",");
    if (separator.size() == 1)
        options.csv_separator = separator[0];
    else
        config.fault("csv_separator", std::string(kCode), "must be one character");
    const std::string wanted = config.text("template");
    const std::string regex = config.text("regex");
    if (kind == "template") {
        options.decoder = DecoderKind::pattern;
        options.pattern = wanted;
        read_pattern(config, options);
    } else if (kind == "regex") {
        options.decoder = DecoderKind::regex;
        options.pattern = regex;
        read_pattern(config, options);
    } else if (kind == "csv") {
        options.decoder = DecoderKind::csv;
    } else if (kind == "json_lines") {
        options.decoder = DecoderKind::json_lines;
    } else if (kind == "number") {
        options.decoder = DecoderKind::number;
        if (options.points.empty()) options.points = {"value"};
    }
}

void read_points(ConfigView& config, Options& options) {
    for (ConfigView one : config.tables("point")) {
        const std::string name = point_slug(one.required_text("name"));
        PointOptions point;
        point.unit = one.text("unit");
        point.scale = one.number("scale", 1);
        point.offset = one.number("offset", 0);
        point.invalid = one.texts("invalid");
        point.write = one.text("write");
        if (!point.write.empty() && point.write.find("{value}") == std::string::npos)
            one.fault("write", std::string(kCode), "does not say where {value} goes");
        one.done();
        options.point_options[name] = std::move(point);
    }
}

void read_poll(ConfigView& config, Options& options) {
    if (!config.has("poll")) return;
    ConfigView poll = config.table("poll");
    options.poll_send = poll.required_text("send");
    options.poll_every = poll.duration("every", std::chrono::seconds{2});
    if (options.poll_every < std::chrono::milliseconds{50}) {
        poll.fault("every", std::string(kCode), "is shorter than 50 ms");
        options.poll_every = std::chrono::seconds{2};
    }
    poll.done();
}

}  // namespace

Options read_options(ConfigView& config) {
    Options options;
    options.id = device_slug(config.text("id", "line"));
    read_framing(config, options.framing);
    read_checksum(config, options);
    read_decoder(config, options);
    read_points(config, options);
    read_poll(config, options);
    return options;
}

}  // namespace fog::line
