#include "firmware/app/fogctl/print.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

bool is_scalar(const Node& node) {
    return !node.is_table() && !node.is_array();
}

std::string cell(const Node& node) {
    if (node.is_null()) return "-";
    if (const auto* text = node.string()) return printable(*text);
    if (const auto* truth = node.boolean()) return *truth ? "yes" : "no";
    if (const auto* items = node.array();
        items != nullptr && std::all_of(items->begin(), items->end(), is_scalar)) {
        std::string out;
        for (const Node& item : *items) out += (out.empty() ? "" : ",") + cell(item);
        return out.empty() ? "-" : out;
    }
    if (const auto number = std::get_if<double>(&node.data)) {
        std::string out;
        append_double(out, *number);
        return out;
    }
    return printable(write_json(node));
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void pad(std::string& out, std::string_view text, std::size_t width) {
    out += text;
    for (std::size_t i = width_of(text); i < width; ++i) out += ' ';
}

bool is_list_of_tables(const Node& node) {
    const auto* items = node.array();
    return items != nullptr && !items->empty() &&
           std::all_of(items->begin(), items->end(),
                       [](const Node& one) { return one.is_table(); });
}

void append_columns(std::string& out, const Node::Array& rows, const std::string& indent) {
    std::vector<std::pair<std::string, std::size_t>> columns;
    for (const Node& row : rows) {
        for (const Node::Member& member : *row.table()) {
            const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& one) {
                return one.first == member.first;
            });
            const std::size_t width =
                std::max(width_of(member.first), width_of(cell(member.second)));
            if (found == columns.end())
                columns.emplace_back(member.first, width);
            else
                found->second = std::max(found->second, width);
        }
    }
    const auto line = [&](const auto& text_of) {
        std::string text = indent;
        for (const auto& [key, width] : columns) pad(text, text_of(key), width + 2);
        out += std::string(text.substr(0, text.find_last_not_of(' ') + 1)) + "\n";
    };
    line([](const std::string& key) { return printable(key); });
    for (const Node& row : rows) {
        line([&](const std::string& key) {
            const Node* value = row.find(key);
            return value == nullptr ? std::string("-") : cell(*value);
        });
    }
}

void append_readable(std::string& out, const Node& node, const std::string& indent) {
    if (is_list_of_tables(node)) return append_columns(out, *node.array(), indent);
    const Node::Table* members = node.table();
    if (members == nullptr) {
        out += indent + cell(node) + "\n";
        return;
    }
    std::size_t width = 0;
    for (const auto& [key, value] : *members) {
        if (!value.is_table() && !is_list_of_tables(value)) width = std::max(width, width_of(key));
    }
    for (const auto& [key, value] : *members) {
        out += indent;
        if (value.is_table() || is_list_of_tables(value)) {
            out += printable(key) + ":\n";
            append_readable(out, value, indent + "  ");
        } else {
            pad(out, printable(key), width + 2);
            out += cell(value) + "\n";
        }
    }
}

std::string text_of(const Node& record, std::string_view key) {
    const Node* value = record.find(key);
    return value == nullptr ? std::string() : cell(*value);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : repair_utf8(text)) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7F ? '?' : c;
    }
    return out;
}

std::string readable(const Node& node) {
    const Node* items = node.find("items");
    std::string out;
    if (items != nullptr && items->array() != nullptr) {
        if (items->array()->empty()) return "nothing\n";
        append_readable(out, *items, "");
    } else {
        append_readable(out, node, "");
    }
    return out;
}

std::string record_line(const Node& record) {
    if (record.find("pt") == nullptr || record.find("v") == nullptr)
        return printable(write_json(record));
    std::string out = text_of(record, record.find("ts") != nullptr ? "ts" : "rx");
    out +=
        "  " + text_of(record, "dev") + "/" + text_of(record, "pt") + "  " + text_of(record, "v");
    if (const std::string unit = text_of(record, "u"); !unit.empty()) out += " " + unit;
    const std::string quality = text_of(record, "q");
    if (!quality.empty() && quality != "good") out += "  (" + quality + ")";
    return out;
}

}  // namespace fog
