#include "firmware/config/schema.hpp"

#include <algorithm>
#include <string>

#include "firmware/config/json.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

bool is_type(const Node& value, std::string_view type) {
    if (type == "object") return value.is_table();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.boolean() != nullptr;
    if (type == "integer") return value.integer() != nullptr;
    if (type == "number") return value.number().has_value();
    return type == "null" && value.is_null();
}

std::string_view in_words(std::string_view type) {
    if (type == "object") return "table";
    if (type == "boolean") return "true or false";
    if (type == "integer") return "whole number";
    return type;
}

class Checker {
public:
    explicit Checker(std::vector<Fault>& faults) : faults_(&faults) {}

    void check(const Node& value, const Node& schema, std::string_view name) {
        if (schema.boolean() != nullptr || !check_type(value, schema, name)) return;
        check_choice(value, schema, name);
        check_bounds(value, schema, name);
        if (value.is_table()) check_members(value, schema);
        const Node* items = schema.find("items");
        if (value.is_array() && items != nullptr) {
            for (const Node& item : *value.array()) check(item, *items, name);
        }
    }

private:
    bool check_type(const Node& value, const Node& schema, std::string_view name) {
        const Node* type = schema.find("type");
        if (type == nullptr) return true;
        std::string wanted;
        const auto one = [&](const Node& candidate) {
            if (candidate.string() == nullptr) return true;
            if (!wanted.empty()) wanted += " or ";
            wanted += in_words(*candidate.string());
            return is_type(value, *candidate.string());
        };
        const Node::Array* several = type->array();
        if (several != nullptr ? std::any_of(several->begin(), several->end(), one) : one(*type))
            return true;
        fault(value, "E0002",
              quoted(name) + " must be a " + wanted + ", not a " + std::string(value.kind()));
        return false;
    }

    void check_choice(const Node& value, const Node& schema, std::string_view name) {
        if (const Node* only = schema.find("const"); only != nullptr && !only->same(value))
            fault(value, "E0004", quoted(name) + " must be " + write_json(*only));
        const Node* allowed = schema.find("enum");
        if (allowed == nullptr || allowed->array() == nullptr) return;
        std::string list;
        std::vector<std::string_view> words;
        for (const Node& one : *allowed->array()) {
            if (one.same(value)) return;
            list +=
                (list.empty() ? "" : ", ") + (one.is_string() ? *one.string() : write_json(one));
            if (one.is_string()) words.push_back(*one.string());
        }
        fault(value, "E0004", quoted(name) + " is not one of " + list,
              value.is_string() ? did_you_mean(*value.string(), words) : "");
    }

    void check_bounds(const Node& value, const Node& schema, std::string_view name) {
        if (const auto number = value.number()) {
            bound(value, schema, "minimum", *number, false, quoted(name) + " must be at least ");
            bound(value, schema, "maximum", *number, true, quoted(name) + " must be at most ");
        }
        if (const auto* text = value.string()) {
            const auto size = static_cast<double>(text->size());
            bound(value, schema, "minLength", size, false,
                  "bytes in " + quoted(name) + ": at least ");
            bound(value, schema, "maxLength", size, true,
                  "bytes in " + quoted(name) + ": at most ");
        }
        if (const auto* items = value.array()) {
            const auto size = static_cast<double>(items->size());
            bound(value, schema, "minItems", size, false,
                  "items in " + quoted(name) + ": at least ");
            bound(value, schema, "maxItems", size, true, "items in " + quoted(name) + ": at most ");
        }
    }

    void bound(const Node& value, const Node& schema, std::string_view word, double number,
               bool most, const std::string& lead) {
        const Node* limit = schema.find(word);
        if (limit == nullptr || !limit->number()) return;
        if (most ? number <= *limit->number() : number >= *limit->number()) return;
        fault(value, "E0004", lead + write_json(*limit));
    }

    void check_members(const Node& value, const Node& schema) {
        const Node* properties = schema.find("properties");
        const Node* rest = schema.find("additionalProperties");
        if (const Node* required = schema.find("required"); required && required->array()) {
            for (const Node& name : *required->array()) {
                if (name.string() != nullptr && value.find(*name.string()) == nullptr)
                    fault(value, "E0003", quoted(*name.string()) + " is missing");
            }
        }
        for (const auto& [name, member] : *value.table()) {
            const Node* known = properties != nullptr ? properties->find(name) : nullptr;
            if (known != nullptr)
                check(member, *known, name);
            else if (rest != nullptr && rest->is_table())
                check(member, *rest, name);
            else if (rest != nullptr && rest->boolean() != nullptr && !*rest->boolean())
                unknown(name, member, properties);
        }
    }

    void unknown(const std::string& name, const Node& member, const Node* properties) {
        std::vector<std::string_view> names;
        if (properties != nullptr && properties->table() != nullptr) {
            for (const auto& [known, schema] : *properties->table()) names.push_back(known);
        }
        fault(member, "E0001", "unknown key " + quoted(name), did_you_mean(name, names));
        if (member.key_column != 0) faults_->back().mark.column = member.key_column;
    }

    static std::string quoted(std::string_view name) {
        return name.empty() ? "the value" : "'" + std::string(name) + "'";
    }
    static std::string did_you_mean(std::string_view word,
                                    const std::vector<std::string_view>& known) {
        const auto near = nearest(word, known);
        return near ? "did you mean '" + std::string(*near) + "'?" : "";
    }
    void fault(const Node& at, std::string code, std::string detail, std::string hint = {}) {
        faults_->push_back(
            {std::move(code), at.pointer, at.mark, std::move(detail), std::move(hint), false});
    }

    std::vector<Fault>* faults_;
};

}  // namespace

void check_schema(const Node& value, std::string_view schema, std::vector<Fault>& faults) {
    if (trim(schema).empty()) return;
    std::vector<Fault> broken;
    const auto parsed = parse_json(schema, broken);
    if (!parsed) {
        faults.push_back({"E0030",
                          value.pointer,
                          value.mark,
                          "the schema of this part is broken: " + broken.front().detail,
                          {},
                          false});
        return;
    }
    Checker(faults).check(value, *parsed, "");
}

}  // namespace fog
