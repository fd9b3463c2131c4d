#include <algorithm>
#include <cmath>

#include "firmware/config/toml.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kMostDepth = 64;

/// Plain members first, then [tables] and [[lists of tables]], each in the order given.
class TomlWriter {
public:
    Result<std::string> write(const Node& root) {
        if (!root.is_table()) return Error{Errc::bad_request, "the top of a file is a table", ""};
        body(root, "", 0);
        if (!problem_.empty()) return Error{Errc::bad_request, problem_, ""};
        return std::move(out_);
    }

private:
    static bool is_list_of_tables(const Node& node) {
        const Node::Array* items = node.array();
        return items != nullptr && !items->empty() &&
               std::all_of(items->begin(), items->end(),
                           [](const Node& item) { return item.is_table(); });
    }
    static bool has_header(const Node& node) { return node.is_table() || is_list_of_tables(node); }

    void body(const Node& table, const std::string& path, std::size_t depth) {
        if (depth > kMostDepth) return refuse(table, "is nested too deeply");
        for (const auto& [key, value] : *table.table()) {
            if (value.is_null() || has_header(value)) continue;
            out_ += name(key) + " = ";
            inline_value(value, depth);
            out_ += '\n';
        }
        for (const auto& [key, value] : *table.table()) {
            const std::string here = path.empty() ? name(key) : path + "." + name(key);
            if (value.is_table()) {
                header("[" + here + "]");
                body(value, here, depth + 1);
            } else if (is_list_of_tables(value)) {
                for (const Node& item : *value.array()) {
                    header("[[" + here + "]]");
                    body(item, here, depth + 1);
                }
            }
        }
    }

    void header(const std::string& text) {
        if (!out_.empty()) out_ += '\n';
        out_ += text + "\n";
    }

    void inline_value(const Node& node, std::size_t depth) {
        if (depth > kMostDepth) return refuse(node, "is nested too deeply");
        if (const auto* truth = node.boolean()) {
            out_ += *truth ? "true" : "false";
        } else if (const auto* integer = node.integer()) {
            append_int(out_, *integer);
        } else if (const auto* number = std::get_if<double>(&node.data)) {
            append_number(node, *number);
        } else if (const auto* text = node.string()) {
            append_text(*text);
        } else if (const auto* items = node.array()) {
            out_ += '[';
            for (const Node& item : *items) {
                if (&item != items->data()) out_ += ", ";
                inline_value(item, depth + 1);
            }
            out_ += ']';
        } else if (const auto* members = node.table()) {
            append_inline_table(*members, depth);
        } else {
            refuse(node, "is null, which TOML cannot hold");
        }
    }

    void append_inline_table(const Node::Table& members, std::size_t depth) {
        out_ += "{";
        std::string_view lead = " ";
        for (const auto& [key, value] : members) {
            if (value.is_null()) continue;
            out_ += lead;
            out_ += name(key) + " = ";
            inline_value(value, depth + 1);
            lead = ", ";
        }
        out_ += " }";
    }

    void append_number(const Node& node, double number) {
        if (!std::isfinite(number)) return refuse(node, "is not a finite number");
        std::string text;
        append_double(text, number);
        if (text.find_first_of(".eE") == std::string::npos) text += ".0";
        out_ += text;
    }

    // A basic string: JSON's escapes are a subset of TOML's, which also wants DEL escaped.
    void append_text(std::string_view text) {
        std::string json;
        append_json_string(json, text);
        for (const char c : json) {
            if (c == '\x7F')
                out_ += "\\u007F";
            else
                out_ += c;
        }
    }

    std::string name(std::string_view key) {
        const auto bare = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '-';
        };
        if (!key.empty() && std::all_of(key.begin(), key.end(), bare)) return std::string(key);
        std::string kept;
        std::swap(kept, out_);
        append_text(key);
        std::swap(kept, out_);
        return kept;
    }

    void refuse(const Node& node, std::string_view why) {
        if (!problem_.empty()) return;
        problem_ = (node.pointer.empty() ? "a value" : node.pointer) + " " + std::string(why);
    }

    std::string out_;
    std::string problem_;
};

}  // namespace

Result<std::string> write_toml(const Node& table) {
    return TomlWriter().write(table);
}

}  // namespace fog
