#include "drivers/mqtt/dialects/units.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <map>
#include <unordered_map>
#include <vector>

#include "firmware/core/text.hpp"

namespace fog {

extern const std::string_view kUnitTable;  // generated from units.txt

namespace {

enum class When : std::uint8_t { always, negative, percent, boolean, words };

struct NameRow {
    std::string_view unit;
    When when = When::always;
    bool diagnostic = false;
    bool suffix_only = false;
};

struct Conversion {
    std::string_view to;
    double minus = 0, over = 1;
};

std::string_view next_word(std::string_view& line) {
    const auto start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return line = {};
    line.remove_prefix(start);
    const auto end = std::min(line.find_first_of(" \t\r"), line.size());
    const auto word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

/// The table, read once.
class Table {
public:
    Table() {
        for (auto rest = kUnitTable; !rest.empty();) {
            const auto end = std::min(rest.find('\n'), rest.size());
            add(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    static const Table& get() {
        static const Table table;
        return table;
    }
    const std::vector<NameRow>* named(std::string_view tail) const {
        const auto found = names_.find(tail);
        return found == names_.end() ? nullptr : &found->second;
    }
    std::string_view spelled(std::string_view text) const {
        const auto found = spellings_.find(text);
        return found == spellings_.end() ? std::string_view() : found->second;
    }
    const Conversion* conversion(std::string_view unit) const {
        const auto found = conversions_.find(unit);
        return found == conversions_.end() ? nullptr : &found->second;
    }

private:
    void add(std::string_view line) {
        const auto kind = next_word(line);
        if (kind == "name") add_names(line);
        if (kind == "spell") add_spellings(line);
        if (kind == "convert") {
            const auto from = next_word(line), to = next_word(line);
            const auto minus = parse_double(next_word(line)), over = parse_double(next_word(line));
            assert(minus && over && *over != 0);
            conversions_[from] = {to, *minus, *over};
        }
    }
    void add_names(std::string_view line) {
        NameRow row{.unit = next_word(line)};
        if (row.unit == "-") row.unit = {};
        const auto flags = next_word(line);
        row.diagnostic = flags == "diag";
        if (flags == "neg") row.when = When::negative;
        if (flags == "pct") row.when = When::percent;
        if (flags == "bool") row.when = When::boolean;
        if (flags == "words") row.when = When::words;
        for (auto name = next_word(line); !name.empty(); name = next_word(line)) {
            row.suffix_only = name.starts_with("*_");
            names_[name.substr(row.suffix_only ? 2 : 0)].push_back(row);
        }
    }
    void add_spellings(std::string_view line) {
        const auto unit = next_word(line);
        for (auto text = next_word(line); !text.empty(); text = next_word(line)) {
            std::string spelling(text);
            std::replace(spelling.begin(), spelling.end(), '_', ' ');
            spellings_[std::move(spelling)] = unit;
        }
    }

    std::unordered_map<std::string_view, std::vector<NameRow>> names_;
    std::map<std::string, std::string_view, std::less<>> spellings_;
    std::unordered_map<std::string_view, Conversion> conversions_;
};

bool fits(const NameRow& row, const Value& value, bool whole) {
    if (row.suffix_only && whole) return false;
    double number = 0;
    const bool is_number = !std::holds_alternative<bool>(value) && as_number(value, number);
    const bool truth = std::holds_alternative<bool>(value);
    const bool is_text = std::holds_alternative<std::string>(value);
    switch (row.when) {
        case When::always:
            return row.unit.empty() || (!truth && !is_text);
        case When::negative:
            return is_number && number < 0;
        case When::percent:
            return is_number && number >= 0 && number <= 100;
        case When::boolean:
            return true;
        case When::words:
            return !is_number;
    }
    return false;
}

bool is_number_word(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The longest row whose name ends `segment` at a word boundary.
bool guess(std::string_view segment, const Value& value, NameGuess& out) {
    for (auto tail = segment;;) {
        if (const auto* rows = Table::get().named(tail))
            for (const auto& row : *rows)
                if (fits(row, value, tail.size() == segment.size())) {
                    out = {row.unit, row.diagnostic,
                           row.when == When::boolean || row.when == When::words};
                    return true;
                }
        const auto cut = tail.find('_');
        if (cut == std::string_view::npos) return false;
        tail.remove_prefix(cut + 1);
    }
}

}  // namespace

NameGuess unit_for_name(std::string_view point, const Value& value) {
    auto segment = point.substr(point.rfind('.') + 1);
    // energy.power.1: a phase has the unit of its parent
    while (is_number_word(segment) && segment.size() < point.size()) {
        point.remove_suffix(segment.size() + 1);
        segment = point.substr(point.rfind('.') + 1);
    }
    NameGuess out;
    while (!guess(segment, value, out)) {
        const auto cut = segment.rfind('_');  // temp_2 is a temp
        if (cut == std::string_view::npos || !is_number_word(segment.substr(cut + 1))) break;
        segment = segment.substr(0, cut);
    }
    return out;
}

std::string_view ucum_for_spelling(std::string_view declared) {
    return Table::get().spelled(trim(declared));
}

std::string declared_unit(std::string_view declared) {
    declared = trim(declared);
    if (const auto known = ucum_for_spelling(declared); !known.empty()) return std::string(known);
    std::string text;
    for (const char c : declared.substr(0, 24))
        if (static_cast<unsigned char>(c) >= ' ' && c != '{' && c != '}') text += c;
    return text.empty() ? text : "{" + repair_utf8(text) + "}";
}

void convert_unit(Value& value, std::string& unit) {
    const auto* conversion = Table::get().conversion(unit);
    if (conversion == nullptr) return;
    unit = conversion->to;
    double number = 0;
    if (!std::holds_alternative<bool>(value) && as_number(value, number))
        value = (number - conversion->minus) / conversion->over;
}

bool parse_truth_word(std::string_view word, bool& out) {
    static constexpr std::array<std::pair<std::string_view, bool>, 8> kWords = {
        {{"on", true},
         {"off", false},
         {"true", true},
         {"false", false},
         {"open", true},
         {"closed", false},
         {"online", true},
         {"offline", false}}};
    for (const auto& [known, truth] : kWords) {
        const bool same = std::equal(
            word.begin(), word.end(), known.begin(), known.end(),
            [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
        if (!same) continue;
        out = truth;
        return true;
    }
    return false;
}

}  // namespace fog
