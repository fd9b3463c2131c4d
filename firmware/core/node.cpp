#include "firmware/core/node.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"

namespace fog {

std::optional<double> Node::number() const {
    if (const auto* real = std::get_if<double>(&data)) return *real;
    if (const auto* whole = std::get_if<std::int64_t>(&data)) return static_cast<double>(*whole);
    return std::nullopt;
}

const Node* Node::find(std::string_view key) const {
    if (const Table* members = table())
        for (const Member& member : *members)
            if (member.first == key) return &member.second;
    return nullptr;
}
Node* Node::find(std::string_view key) {
    return const_cast<Node*>(std::as_const(*this).find(key));
}

Node& Node::set(std::string_view key, Node value) {
    if (is_null()) data = Table{};
    if (Node* existing = find(key)) return *existing = std::move(value);
    return table()->emplace_back(std::string(key), std::move(value)).second;
}

std::string_view Node::kind() const {
    static constexpr std::string_view kKinds[] = {
        "null", "true or false", "whole number", "number", "string", "array", "table"};
    return kKinds[data.index()];
}

bool Node::same(const Node& other) const {
    if (data.index() != other.data.index()) return number() && number() == other.number();
    if (const Array* items = array())
        return std::equal(items->begin(), items->end(), other.array()->begin(),
                          other.array()->end(),
                          [](const Node& a, const Node& b) { return a.same(b); });
    if (const Table* members = table()) {
        if (members->size() != other.table()->size()) return false;
        return std::all_of(members->begin(), members->end(), [&](const Member& member) {
            const Node* twin = other.find(member.first);
            return twin != nullptr && member.second.same(*twin);
        });
    }
    if (const auto* text = string()) return *text == *other.string();
    if (const auto* truth = boolean()) return *truth == *other.boolean();
    return is_null() || number() == other.number();
}

std::string to_text(const Fault& fault) {
    std::string out;
    if (!fault.mark.file.empty()) out += fault.mark.file;
    if (fault.mark.line != 0) {
        if (!out.empty()) out += ':';
        out += std::to_string(fault.mark.line) + ":" + std::to_string(fault.mark.column);
    } else if (!fault.pointer.empty()) {
        if (!out.empty()) out += ' ';
        out += fault.pointer;
    }
    if (!out.empty()) out += ": ";
    out += fault.warning ? "warning" : "error";
    if (!fault.code.empty()) out += "[" + fault.code + "]";
    out += ": " + fault.detail;
    if (!fault.hint.empty()) out += "\n  help: " + fault.hint;
    return out;
}

const Node* ConfigView::want(std::string_view key) {
    known_.emplace_back(key);
    return node_->find(key);
}

void ConfigView::fault(std::string_view key, std::string code, std::string detail,
                       std::string hint) {
    const Node* at = node_->find(key);
    if (at == nullptr) at = node_;
    std::string pointer = node_->pointer;
    if (!key.empty()) pointer += "/" + std::string(key);
    faults_->push_back(
        {std::move(code), std::move(pointer), at->mark, std::move(detail), std::move(hint), false});
}

namespace {
std::string wrong_kind(std::string_view key, std::string_view wanted, const Node& got) {
    return "'" + std::string(key) + "' must be " + std::string(wanted) + ", not a " +
           std::string(got.kind());
}
}  // namespace

std::string ConfigView::text(std::string_view key, std::string_view otherwise) {
    const Node* at = want(key);
    if (at == nullptr) return std::string(otherwise);
    if (const auto* value = at->string()) return *value;
    fault(key, "E0002", wrong_kind(key, "a string", *at));
    return std::string(otherwise);
}

std::string ConfigView::required_text(std::string_view key) {
    if (!has(key)) {
        known_.emplace_back(key);
        fault("", "E0003", "'" + std::string(key) + "' is missing");
        return {};
    }
    auto value = text(key);
    if (value.empty() && node_->find(key)->is_string())
        fault(key, "E0004", "'" + std::string(key) + "' is empty");
    return value;
}

bool ConfigView::flag(std::string_view key, bool otherwise) {
    const Node* at = want(key);
    if (at == nullptr) return otherwise;
    if (const auto* value = at->boolean()) return *value;
    fault(key, "E0002", wrong_kind(key, "true or false", *at));
    return otherwise;
}

std::int64_t ConfigView::integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                                 std::int64_t highest) {
    const Node* at = want(key);
    if (at == nullptr) return otherwise;
    const auto* value = at->integer();
    if (value == nullptr) {
        fault(key, "E0002", wrong_kind(key, "a whole number", *at));
        return otherwise;
    }
    if (*value >= lowest && *value <= highest) return *value;
    fault(key, "E0004",
          "'" + std::string(key) + "' is " + std::to_string(*value) + ", allowed is " +
              std::to_string(lowest) + " to " + std::to_string(highest));
    return otherwise;
}

double ConfigView::number(std::string_view key, double otherwise) {
    return maybe_number(key).value_or(otherwise);
}
std::optional<double> ConfigView::maybe_number(std::string_view key) {
    const Node* at = want(key);
    if (at == nullptr) return std::nullopt;
    const auto value = at->number();
    if (!value) fault(key, "E0002", wrong_kind(key, "a number", *at));
    return value;
}

std::chrono::nanoseconds ConfigView::duration(std::string_view key,
                                              std::chrono::nanoseconds otherwise) {
    const Node* at = want(key);
    if (at == nullptr) return otherwise;
    const auto* value = at->string();
    if (value == nullptr) {
        fault(key, "E0005", wrong_kind(key, "a duration with a unit", *at),
              "write it as text, for example \"10 s\"");
        return otherwise;
    }
    auto parsed = parse_duration(*value);
    if (parsed) return *parsed;
    fault(key, "E0005", "'" + std::string(key) + "': " + parsed.error().what, parsed.error().hint);
    return otherwise;
}

std::uint64_t ConfigView::size(std::string_view key, std::uint64_t otherwise) {
    const Node* at = want(key);
    if (at == nullptr) return otherwise;
    const auto* value = at->string();
    if (value == nullptr) {
        fault(key, "E0005", wrong_kind(key, "a size with a unit", *at),
              "write it as text, for example \"64 KiB\"");
        return otherwise;
    }
    auto parsed = parse_size(*value);
    if (parsed) return *parsed;
    fault(key, "E0005", "'" + std::string(key) + "': " + parsed.error().what, parsed.error().hint);
    return otherwise;
}

std::string ConfigView::choice(std::string_view key, std::string_view otherwise,
                               std::initializer_list<std::string_view> allowed) {
    auto value = text(key, otherwise);
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end() || !has(key) ||
        !node_->find(key)->is_string())
        return value;
    std::string list;
    for (const auto one : allowed) (list += list.empty() ? "" : ", ") += one;
    const auto near = nearest(value, {allowed.begin(), allowed.size()});
    fault(key, "E0004", "'" + std::string(key) + "' is '" + value + "', allowed is one of " + list,
          near ? "did you mean '" + std::string(*near) + "'?" : "");
    return std::string(otherwise);
}

std::vector<std::string> ConfigView::texts(std::string_view key) {
    const Node* at = want(key);
    if (at == nullptr) return {};
    if (const auto* one = at->string()) return {*one};
    std::vector<std::string> all;
    if (const auto* items = at->array()) {
        for (const Node& item : *items) {
            if (const auto* one = item.string()) {
                all.push_back(*one);
                continue;
            }
            faults_->push_back({"E0002",
                                item.pointer,
                                item.mark,
                                wrong_kind(key, "a list of strings", item),
                                {},
                                false});
        }
        return all;
    }
    fault(key, "E0002", wrong_kind(key, "a string or a list of strings", *at));
    return all;
}

const Node* ConfigView::raw(std::string_view key) {
    return want(key);
}

std::vector<ConfigView> ConfigView::tables(std::string_view key) {
    const Node* at = want(key);
    std::vector<ConfigView> views;
    if (at == nullptr) return views;
    if (at->is_table()) return {ConfigView(*at, *faults_)};
    const auto* items = at->array();
    if (items == nullptr) {
        fault(key, "E0002", wrong_kind(key, "a table or a list of tables", *at));
        return views;
    }
    for (const Node& item : *items) {
        if (item.is_table())
            views.emplace_back(item, *faults_);
        else
            faults_->push_back({"E0002",
                                item.pointer,
                                item.mark,
                                wrong_kind(key, "a list of tables", item),
                                {},
                                false});
    }
    return views;
}

ConfigView ConfigView::table(std::string_view key) {
    static const Node kEmpty{Node::Table{}};
    const Node* at = want(key);
    if (at == nullptr) return {kEmpty, *faults_};
    if (at->is_table()) return {*at, *faults_};
    fault(key, "E0002", wrong_kind(key, "a table", *at));
    return {kEmpty, *faults_};
}

void ConfigView::done() {
    const Node::Table* members = node_->table();
    if (members == nullptr) return;
    std::vector<std::string_view> names(known_.begin(), known_.end());
    for (const auto& [key, value] : *members) {
        if (std::find(names.begin(), names.end(), key) != names.end()) continue;
        const auto near = nearest(key, names);
        Mark at = value.mark;
        if (value.key_column != 0) at.column = value.key_column;
        faults_->push_back({"E0001", value.pointer, std::move(at), "unknown key '" + key + "'",
                            near ? "did you mean '" + std::string(*near) + "'?" : "", false});
    }
}

}  // namespace fog
