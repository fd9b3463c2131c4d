#include "firmware/config/toml.hpp"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/impl/preprocessor.h>
// Version 3.3 claims here what text from outside can break ("[.]"), and without NDEBUG aborts, with
// it lets the compiler rely on it; the code behind the claim reports an error properly.
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kMostBytes = 4U << 20U;
constexpr std::size_t kMostNesting = 32;               // brackets within brackets
constexpr std::size_t kMostKeyParts = 32;              // a.b.c
constexpr std::size_t kMostDepth = 64;                 // of the result
constexpr std::size_t kMostPointerBytes = 32U << 20U;  // of all nodes together

// --- nesting, checked before the library sees the text: it builds and frees dotted keys
// recursively

/// Walks the text outside of strings and comments.
class NestingScan {
public:
    explicit NestingScan(std::string_view text) : text_(text) {}

    /// Offset of the first place nested too deeply.
    std::optional<std::size_t> too_deep() {
        while (at_ < text_.size()) {
            if (!step()) return at_;
        }
        return std::nullopt;
    }

private:
    bool step() {
        const char c = text_[at_];
        if (c == '"' || c == '\'') {
            skip_string(c);
            return true;
        }
        ++at_;
        if (c == '#') {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (c == '[' || c == '{') {
            parts_ = 0;
            return ++brackets_ <= kMostNesting;
        } else if (c == ']' || c == '}') {
            if (brackets_ > 0) --brackets_;
        } else if (c == '=' || c == ',' || c == '\n') {
            parts_ = 0;
        } else if (c == '.') {
            return ++parts_ < kMostKeyParts;
        }
        return true;
    }

    void skip_string(char quote) {
        const std::string three(3, quote);
        if (text_.substr(at_, 3) == three) {
            at_ += 3;
            while (at_ < text_.size() && text_.substr(at_, 3) != three)
                at_ += quote == '"' && text_[at_] == '\\' ? 2 : 1;
            at_ = std::min(at_ + 3, text_.size());
            while (at_ < text_.size() && text_[at_] == quote)
                ++at_;  // up to two belong to the text
            return;
        }
        ++at_;
        while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n')
            at_ += quote == '"' && text_[at_] == '\\' ? 2 : 1;
        at_ = std::min(at_ + 1, text_.size());
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t brackets_ = 0;
    std::size_t parts_ = 0;
};

Mark mark_at_offset(std::string_view text, std::size_t offset, std::string_view file) {
    const std::string_view before = text.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 = 0
    const auto column = std::count_if(before.begin() + static_cast<std::ptrdiff_t>(start),
                                      before.end(), [](char c) { return (c & 0xC0) != 0x80; });
    return {std::string(file), static_cast<std::uint32_t>(line),
            static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(column, 1))};
}

// --- from the library's tree to ours

Mark mark_of(const toml::source_region& region, std::string_view file) {
    return {std::string(file), static_cast<std::uint32_t>(region.begin.line),
            static_cast<std::uint32_t>(region.begin.column)};
}

template <class... Args>
std::string format(const char* pattern, Args... args) {
    std::array<char, 64> out{};
    const int n = std::snprintf(out.data(), out.size(), pattern, args...);
    return {out.data(), static_cast<std::size_t>(std::max(n, 0))};
}

std::string text_of(const toml::date& date) {
    return format("%04u-%02u-%02u", unsigned{date.year}, unsigned{date.month}, unsigned{date.day});
}

std::string text_of(const toml::time& time) {
    std::string out =
        format("%02u:%02u:%02u", unsigned{time.hour}, unsigned{time.minute}, unsigned{time.second});
    if (time.nanosecond != 0) {
        out += format(".%09u", unsigned{time.nanosecond});
        while (out.back() == '0') out.pop_back();
    }
    return out;
}

std::string text_of(const toml::date_time& when) {
    std::string out = text_of(when.date) + "T" + text_of(when.time);
    if (!when.offset) return out;
    const int minutes = when.offset->minutes;
    if (minutes == 0) return out + "Z";
    const int size = std::abs(minutes);
    return out + format("%c%02d:%02d", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

class Converter {
public:
    Converter(std::string_view file, std::vector<Fault>& faults) : file_(file), faults_(&faults) {}

    Node convert(const toml::node& from, std::string pointer, std::size_t depth = 0) {
        Node out;
        out.mark = mark_of(from.source(), file_);
        out.pointer = std::move(pointer);
        pointer_bytes_ += out.pointer.size() + file_.size();
        if (pointer_bytes_ > kMostPointerBytes) {
            if (!full_) fault(out, "too many or too long keys in one file");
            full_ = true;
            return out;
        }
        if (depth > kMostDepth) {
            fault(out, "nested more than " + std::to_string(kMostDepth) + " levels deep");
            return out;
        }
        if (const auto* table = from.as_table()) {
            out.data = members(*table, out.pointer, depth);
        } else if (const auto* array = from.as_array()) {
            Node::Array items;
            items.reserve(array->size());
            for (const toml::node& item : *array)
                items.push_back(
                    convert(item, out.pointer + "/" + std::to_string(items.size()), depth + 1));
            out.data = std::move(items);
        } else {
            plain(from, out);
        }
        return out;
    }

private:
    // The library keeps members by name; people wrote them in an order.
    Node::Table members(const toml::table& table, const std::string& pointer, std::size_t depth) {
        struct Place {
            toml::source_position at;
            const toml::key* key;
            const toml::node* value;
        };
        std::vector<Place> places;
        places.reserve(table.size());
        for (auto it = table.cbegin(); it != table.cend(); ++it)
            places.push_back({it->first.source().begin, &it->first, &it->second});
        std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
            return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
        });
        Node::Table out;
        out.reserve(places.size());
        for (const Place& place : places) {
            std::string key(place.key->str());
            Node value = convert(*place.value, pointer_to(pointer, key), depth + 1);
            if (place.at.line == value.mark.line) value.key_column = place.at.column;
            out.emplace_back(std::move(key), std::move(value));
        }
        return out;
    }

    void plain(const toml::node& from, Node& out) {
        if (const auto* text = from.as_string()) {
            out.data = text->get();
        } else if (const auto* integer = from.as_integer()) {
            out.data = integer->get();
        } else if (const auto* number = from.as_floating_point()) {
            if (!std::isfinite(number->get()))
                fault(out, "inf and nan are not values here", "leave the key out instead");
            out.data = number->get();
        } else if (const auto* truth = from.as_boolean()) {
            out.data = truth->get();
        } else if (const auto* date = from.as_date()) {
            out.data = text_of(date->get());
        } else if (const auto* time = from.as_time()) {
            out.data = text_of(time->get());
        } else if (const auto* when = from.as_date_time()) {
            out.data = text_of(when->get());
        }
    }

    void fault(const Node& at, std::string detail, std::string hint = {}) {
        faults_->push_back(
            {"E0012", at.pointer, at.mark, std::move(detail), std::move(hint), false});
    }

    std::string file_;
    std::vector<Fault>* faults_;
    std::size_t pointer_bytes_ = 0;
    bool full_ = false;
};

// --- syntax errors

struct Advice {
    std::string_view said;  // part of the library's message
    std::string_view hint;
};
constexpr std::array<Advice, 17> kAdvice = {{
    {"cannot redefine", "a key or a [table] appears once in a file; remove or rename one of them"},
    {"expected 'nan'", "text needs quotes: key = \"value\""},
    {"expected 'inf'", "text needs quotes: key = \"value\""},
    {"expected 'true'", "text needs quotes: key = \"value\""},
    {"expected 'false'", "text needs quotes: key = \"value\""},
    {"parsing string: encountered end-of-file", "close the text with the quote it began with"},
    {"unescaped control characters", "close the text with the quote it began with, on its line"},
    {"could not determine value type", "text needs quotes: key = \"value\""},
    {"expected value", "a value is missing after '='"},
    {"line breaks", "close the text on its line, or begin and end it with three quotes"},
    {"leading zeroes", "leave out the leading zero, or put the text in quotes"},
    {"unknown escape", "write \\\\ for a backslash, or use single quotes: 'C:\\data'"},
    {"expected ']'", "close the table header on its line: [section]"},
    {"not representable in 64 bits", "use a smaller number, or put it in quotes if it is text"},
    {"dangling comma", "an inline table { } ends without a comma"},
    {"invalid utf-8", "save the file in UTF-8"},
    {"expected a comment or whitespace", "one key = value a line, and quotes around text"},
}};

std::string_view hint_for(std::string_view said) {
    for (const Advice& advice : kAdvice) {
        if (said.find(advice.said) != std::string_view::npos) return advice.hint;
    }
    if (said.find("end-of-file") != std::string_view::npos)
        return "something was begun here and not finished: key = value";
    return "a line is key = value, [table], [[list of tables]] or # comment";
}

Fault syntax_fault(const toml::parse_error& error, std::string_view file) {
    constexpr std::string_view kLead = "Error while parsing ";
    std::string_view said = error.description();
    const std::string_view hint = hint_for(said);
    if (said.starts_with(kLead)) said.remove_prefix(kLead.size());
    Fault fault{"E0010",           "",   mark_of(error.source(), file), repair_utf8(said),
                std::string(hint), false};
    if (!fault.detail.empty() && fault.detail.front() == 'E') fault.detail.front() = 'e';
    fault.mark.line = std::max(fault.mark.line, 1U);
    fault.mark.column = std::max(fault.mark.column, 1U);
    return fault;
}

}  // namespace

std::optional<Node> parse_toml(std::string_view text, std::string_view file,
                               std::vector<Fault>& faults) {
    const Mark start{std::string(file), 1, 1};
    if (text.size() > kMostBytes) {
        faults.push_back({"E0012", "", start, "larger than 4 MiB", {}, false});
        return std::nullopt;
    }
    if (const auto offset = NestingScan(text).too_deep()) {
        faults.push_back({"E0012",
                          "",
                          mark_at_offset(text, *offset, file),
                          "nested more than 32 levels deep",
                          {},
                          false});
        return std::nullopt;
    }
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        faults.push_back(syntax_fault(parsed.error(), file));
        return std::nullopt;
    }
    const std::size_t before = faults.size();
    Node root = Converter(file, faults).convert(parsed.table(), "");
    root.mark = start;
    if (faults.size() != before) return std::nullopt;
    return root;
}

}  // namespace fog
