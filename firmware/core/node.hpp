#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "firmware/core/result.hpp"

namespace fog {

/// Where a value stands in its file; line 0 = not from a file (an API call: use the pointer).
struct Mark {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

/// A configuration value, the same whether it came from TOML or JSON (firmware/config makes both).
/// Members keep their order. A plain value.
class Node {
public:
    using Array = std::vector<Node>;
    using Member = std::pair<std::string, Node>;
    using Table = std::vector<Member>;
    using Data =
        std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Table>;

    Node() = default;
    explicit Node(Data data, Mark mark = {}) : data(std::move(data)), mark(std::move(mark)) {}

    Data data;
    Mark mark;                     // of the value
    std::uint32_t key_column = 0;  // where its key begins on that line; 0 = as the value
    std::string pointer;           // JSON pointer from the root: "/condition/hysteresis"

    bool is_null() const { return data.index() == 0; }
    bool is_table() const { return std::holds_alternative<Table>(data); }
    bool is_array() const { return std::holds_alternative<Array>(data); }
    bool is_string() const { return std::holds_alternative<std::string>(data); }
    const std::string* string() const { return std::get_if<std::string>(&data); }
    const bool* boolean() const { return std::get_if<bool>(&data); }
    const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data); }
    std::optional<double> number() const;  // integer or double
    const Table* table() const { return std::get_if<Table>(&data); }
    Table* table() { return std::get_if<Table>(&data); }
    const Array* array() const { return std::get_if<Array>(&data); }
    Array* array() { return std::get_if<Array>(&data); }

    /// Member of a table; null if absent or not a table.
    const Node* find(std::string_view key) const;
    Node* find(std::string_view key);
    /// Sets or appends a member (the node becomes a table if it was null).
    Node& set(std::string_view key, Node value);
    std::string_view kind() const;  // "string", "table" ... for messages

    /// Equal meaning: data only, not marks.
    bool same(const Node& other) const;
};

/// One fault in a configuration, found at a place; all faults are collected, not just the first.
struct Fault {
    std::string code;  // "E0001", "R0104"; stable
    std::string pointer;
    Mark mark;
    std::string detail;
    std::string hint;
    bool warning = false;
};
/// "rules.d/a.toml:14:8: error[R0104]: text" and a help line where there is a hint.
std::string to_text(const Fault& fault);

/// Typed, checked access to one configuration object. Reading a member marks it as known, done()
/// reports the ones nobody read, with "did you mean". Faults go to the list given; reads of absent
/// or wrong members give the default, so that all faults are found in one pass.
class ConfigView {
public:
    ConfigView(const Node& node, std::vector<Fault>& faults) : node_(&node), faults_(&faults) {}

    std::string text(std::string_view key, std::string_view otherwise = {});
    std::string required_text(std::string_view key);
    bool flag(std::string_view key, bool otherwise);
    std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                         std::int64_t highest);
    double number(std::string_view key, double otherwise);
    std::optional<double> maybe_number(std::string_view key);
    std::chrono::nanoseconds duration(std::string_view key, std::chrono::nanoseconds otherwise);
    std::uint64_t size(std::string_view key, std::uint64_t otherwise);
    std::string choice(std::string_view key, std::string_view otherwise,
                       std::initializer_list<std::string_view> allowed);
    std::vector<std::string> texts(std::string_view key);  // a string or an array of strings
    const Node* raw(std::string_view key);                 // marks it known
    bool has(std::string_view key) const { return node_->find(key) != nullptr; }
    /// Views of an array of tables (or one table); empty if absent.
    std::vector<ConfigView> tables(std::string_view key);
    ConfigView table(std::string_view key);  // an empty view if absent

    const Node& node() const { return *node_; }
    void fault(std::string_view key, std::string code, std::string detail, std::string hint = {});
    /// Reports unknown members; call it last.
    void done();

private:
    const Node* want(std::string_view key);
    const Node* node_;
    std::vector<Fault>* faults_;
    std::vector<std::string> known_;
};

}  // namespace fog
