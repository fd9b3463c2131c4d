#include <algorithm>
#include <cmath>
#include <string_view>

#include "firmware/core/text.hpp"
#include "sim/world/make_node.hpp"
#include "sim/world/scenario.hpp"

namespace fog::sim {
namespace {

using Variables = std::vector<std::pair<std::string, Node>>;

/// A value from the command line: a number or a truth value if it reads as one, else text.
Node value_of(const std::string& text) {
    if (text == "true" || text == "false") {
        Node truth;
        truth.data.emplace<bool>(text == "true");
        return truth;
    }
    if (const auto integer = parse_int(text)) return whole(*integer);
    if (const auto real = parse_double(text)) return number(*real);
    return sim::text(text);
}

std::string as_plain_text(const Node& node) {
    if (node.is_string()) return *node.string();
    if (node.boolean() != nullptr) return *node.boolean() ? "true" : "false";
    std::string out;
    if (node.integer() != nullptr) {
        append_int(out, *node.integer());
    } else if (const auto number = node.number()) {
        append_double(out, *number);
    }
    return out;
}

class Resolver {
public:
    Resolver(const Variables& variables, std::vector<Fault>& faults)
        : variables_(variables), faults_(faults) {
        for (const auto& [name, value] : variables) names_.emplace_back(name);
    }

    Node run(const Node& node) {
        Node out;
        out.mark = node.mark;
        out.pointer = node.pointer;
        if (const auto* table = node.table()) {
            Node::Table members;
            for (const auto& [key, value] : *table) members.emplace_back(key, run(value));
            out.data.emplace<Node::Table>(std::move(members));
        } else if (const auto* array = node.array()) {
            Node::Array items;
            for (const Node& item : *array) items.push_back(run(item));
            out.data.emplace<Node::Array>(std::move(items));
        } else if (node.is_string()) {
            fill_text(node, out);
        } else {
            out.data = node.data;
        }
        return out;
    }

private:
    void fill_text(const Node& node, Node& out) {
        const std::string& from = *node.string();
        std::string text;
        std::size_t at = 0;
        for (std::size_t open = 0; (open = from.find("${", at)) != std::string::npos;) {
            const std::size_t close = from.find('}', open);
            if (close == std::string::npos) return fault(node, "'${' without '}'", {});
            const Node* value = find(node, from.substr(open + 2, close - open - 2));
            if (value == nullptr) return;
            if (open == 0 && close + 1 == from.size()) {
                out.data = value->data;
                return;
            }
            text.append(from, at, open - at).append(as_plain_text(*value));
            at = close + 1;
        }
        out.data.emplace<std::string>(text.append(from, at));
    }

    const Node* find(const Node& node, const std::string& name) {
        for (const auto& [known, value] : variables_) {
            if (known == name) return &value;
        }
        std::string hint;
        if (const auto near = nearest(name, names_)) {
            hint = "did you mean '" + std::string(*near) + "'?";
        }
        fault(node, "no variable '" + name + "' in [vars]", std::move(hint));
        return nullptr;
    }

    void fault(const Node& node, std::string detail, std::string hint) {
        faults_.push_back(
            {"S0110", node.pointer, node.mark, std::move(detail), std::move(hint), false});
    }

    const Variables& variables_;
    std::vector<std::string_view> names_;
    std::vector<Fault>& faults_;
};

void append_key(std::string& out, const std::string& key) {
    const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
    if (bare) {
        out += key;
    } else {
        append_json_string(out, key);  // a JSON string is a TOML basic string
    }
}

void append_inline(std::string& out, const Node& node) {
    if (const auto* table = node.table()) {
        out += "{";
        for (const auto& [key, value] : *table) {
            out += out.back() == '{' ? " " : ", ";
            append_key(out, key);
            out += " = ";
            append_inline(out, value);
        }
        out += out.back() == '{' ? "}" : " }";
    } else if (const auto* array = node.array()) {
        out += "[";
        for (const Node& item : *array) {
            if (&item != array->data()) out += ", ";
            append_inline(out, item);
        }
        out += "]";
    } else if (node.is_string()) {
        append_json_string(out, *node.string());
    } else if (node.boolean() != nullptr || node.integer() != nullptr) {
        out += as_plain_text(node);
    } else if (const auto number = node.number()) {
        const std::size_t start = out.size();
        append_double(out, *number);
        if (out.find_first_of(".en", start) == std::string::npos) out += ".0";  // stays a float
    }
}

}  // namespace

Node resolve_variables(const Node& root, const ScenarioOptions& options,
                       std::vector<Fault>& faults) {
    Variables variables;
    if (const Node* vars = root.find("vars"); vars != nullptr && vars->is_table()) {
        for (const auto& [name, value] : *vars->table()) variables.emplace_back(name, value);
    }
    std::vector<std::string_view> names;
    for (const auto& [name, value] : variables) names.emplace_back(name);
    for (const auto& [name, text] : options.variables) {
        const auto same = [&name = name](const auto& known) { return known.first == name; };
        auto found = std::find_if(variables.begin(), variables.end(), same);
        if (found != variables.end()) {
            found->second.data = value_of(text).data;
            continue;
        }
        std::string hint = "it must have a default under [vars]";
        if (const auto near = nearest(name, names)) {
            hint = "did you mean '" + std::string(*near) + "'?";
        }
        faults.push_back({"S0110", "/vars", root.mark, "--set " + name + ": no such variable",
                          std::move(hint), false});
    }
    return Resolver(variables, faults).run(root);
}

Node fill_number(const Node& node, std::int64_t n) {
    Node out = node;
    if (auto* table = out.table()) {
        for (auto& [key, value] : *table) value = fill_number(value, n);
    } else if (auto* array = out.array()) {
        for (Node& item : *array) item = fill_number(item, n);
    } else if (out.is_string()) {
        std::string text = *out.string();
        const std::string digits = std::to_string(n);
        for (std::size_t at = 0; (at = text.find("{n}", at)) != std::string::npos;) {
            text.replace(at, 3, digits);
            at += digits.size();
        }
        out.data.emplace<std::string>(std::move(text));
    }
    return out;
}

std::string to_toml(const Node& root) {
    std::string out;
    const auto* table = root.table();
    if (table == nullptr) return out;
    for (const auto& [key, value] : *table) {
        append_key(out, key);
        out += " = ";
        const auto* rows = value.array();
        if (rows == nullptr || rows->empty() || !rows->front().is_table()) {
            append_inline(out, value);
            out += "\n";
            continue;
        }
        out += "[\n";
        for (const Node& row : *rows) {
            out += "    ";
            append_inline(out, row);
            out += ",\n";
        }
        out += "]\n";
    }
    return out;
}

bool has_errors(const std::vector<Fault>& faults) {
    return std::any_of(faults.begin(), faults.end(),
                       [](const Fault& fault) { return !fault.warning; });
}

}  // namespace fog::sim
