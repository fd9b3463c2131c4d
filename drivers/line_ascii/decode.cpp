#include "drivers/line_ascii/decode.hpp"

#include <algorithm>

#include "drivers/line_ascii/number_text.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/text.hpp"

namespace fog::line {

namespace {

/// "T=21.5, H: 40 %": pairs; words that are no pair are skipped, a line without any does not match.
class KeyValue final : public Decoder {
public:
    explicit KeyValue(const Options& options)
        : pair_(options.pair_separators),
          key_(options.key_separators),
          comma_(options.decimal_comma) {}

    Match decode(std::string_view spaced, std::vector<Field>& fields) override {
        const std::string line = close_up(spaced);
        std::size_t at = 0;
        while (at < line.size() && fields.size() < Limits{}.samples_per_message) {
            const auto start = line.find_first_not_of(pair_, at);
            if (start == std::string::npos) break;
            const auto end = std::min(line.find_first_of(pair_, start), line.size());
            take_pair(std::string_view(line).substr(start, end - start), fields);
            at = end;
        }
        return fields.empty() ? Match::no : Match::yes;
    }

private:
    /// Without the blanks around key separators: "T = 5" is one pair, not three words.
    std::string close_up(std::string_view line) const {
        const auto blank = [](char c) { return c == ' ' || c == '\t'; };
        std::string out;
        for (std::size_t at = 0; at < line.size(); ++at) {
            if (key_.find(line[at]) == std::string::npos) {
                out += line[at];
                continue;
            }
            while (!out.empty() && blank(out.back())) out.pop_back();
            out += line[at];
            while (at + 1 < line.size() && blank(line[at + 1])) ++at;
        }
        return out;
    }

    void take_pair(std::string_view pair, std::vector<Field>& fields) const {
        const auto split = pair.find_first_of(key_);
        if (split == std::string_view::npos) return;
        Field field;
        const std::string_view key = trim(pair.substr(0, split));
        field.text = std::string(trim(pair.substr(split + 1)));
        if (key.empty() || field.text.empty()) return;
        field.name = point_slug(key);
        if (field.name.empty()) return;
        if (auto with_unit = parse_with_unit(field.text, comma_)) {
            field.value = std::move(with_unit->value);
            field.unit = std::move(with_unit->unit);
        } else {
            field.value = parse_field(field.text, comma_);
        }
        fields.push_back(std::move(field));
    }

    const std::string pair_, key_;
    const bool comma_;
};

/// The header stays over a reconnect: many devices print it only when they boot.
class Csv final : public Decoder {
public:
    explicit Csv(const Options& options)
        : separator_(options.csv_separator),
          comma_(options.decimal_comma),
          fixed_(!options.columns.empty()),
          columns_(options.columns) {}

    Match decode(std::string_view line, std::vector<Field>& fields) override {
        const std::vector<std::string> cells = split(line);
        if (columns_.empty()) return read_header(cells);
        if (!fixed_ && names_of(cells) == columns_) return Match::header;  // said again
        if (cells.size() != columns_.size()) return Match::no;
        for (std::size_t index = 0; index < cells.size(); ++index) {
            if (columns_[index] == "*" || trim(cells[index]).empty()) continue;
            Field field{columns_[index],
                        parse_field(cells[index], comma_),
                        std::string(trim(cells[index])),
                        false,
                        {}};
            fields.push_back(std::move(field));
        }
        return Match::yes;
    }

private:
    static std::vector<std::string> names_of(const std::vector<std::string>& cells) {
        std::vector<std::string> names;
        for (const std::string& cell : cells) names.push_back(point_slug(trim(cell)));
        return names;
    }

    /// A line of numbers is no header: we came in the middle, and wait.
    Match read_header(const std::vector<std::string>& cells) {
        if (cells.size() > Limits{}.samples_per_message) return Match::no;
        for (const std::string& cell : cells)
            if (trim(cell).empty() || parse_number(cell, comma_)) return Match::no;
        columns_ = names_of(cells);
        return Match::header;
    }

    std::vector<std::string> split(std::string_view line) const {
        std::vector<std::string> cells(1);
        bool quoted = false;
        for (std::size_t at = 0; at < line.size(); ++at) {
            const char byte = line[at];
            if (byte == '"' && quoted && at + 1 < line.size() && line[at + 1] == '"') {
                cells.back() += line[at++];
            } else if (byte == '"') {
                quoted = !quoted;
            } else if (byte == separator_ && !quoted) {
                cells.emplace_back();
            } else {
                cells.back() += byte;
            }
        }
        return cells;
    }

    const char separator_;
    const bool comma_;
    const bool fixed_;
    std::vector<std::string> columns_;
};

class Number final : public Decoder {
public:
    explicit Number(const Options& options)
        : name_(options.points.front()), comma_(options.decimal_comma) {}

    Match decode(std::string_view line, std::vector<Field>& fields) override {
        Field field{name_, {}, std::string(trim(line)), false, {}};
        if (auto value = parse_number(line, comma_)) {
            field.value = std::move(*value);
        } else if (auto with_unit = parse_with_unit(line, comma_)) {
            field.value = std::move(with_unit->value);
            field.unit = std::move(with_unit->unit);
        } else {
            return Match::no;
        }
        fields.push_back(std::move(field));
        return Match::yes;
    }

private:
    const std::string name_;
    const bool comma_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const Options& options) {
    switch (options.decoder) {
        case DecoderKind::key_value:
            return std::make_unique<KeyValue>(options);
        case DecoderKind::pattern:
            return make_template_decoder(options);
        case DecoderKind::regex:
            return make_regex_decoder(options);
        case DecoderKind::csv:
            return std::make_unique<Csv>(options);
        case DecoderKind::json_lines:
            return make_json_decoder();
        case DecoderKind::number:
            return std::make_unique<Number>(options);
    }
    return std::make_unique<KeyValue>(options);
}

}  // namespace fog::line
