#include <simdjson.h>

#include "drivers/line_ascii/decode.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/text.hpp"

namespace fog::line {

namespace {

namespace dom = simdjson::dom;

/// One JSON object a line, flattened: {"a":{"b":1}} becomes a.b.
class JsonLines final : public Decoder {
public:
    Match decode(std::string_view line, std::vector<Field>& fields) override {
        dom::element root;
        if (parser_.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS)
            return Match::no;
        dom::object object;
        if (root.get(object) != simdjson::SUCCESS) return Match::no;
        flatten(object, "", 1, fields);
        return fields.empty() ? Match::no : Match::yes;
    }

private:
    void flatten(const dom::object& object, const std::string& prefix, std::size_t depth,
                 std::vector<Field>& fields) {
        std::size_t keys = 0;
        for (const auto [key, value] : object) {
            if (++keys > Limits{}.object_keys) return;
            take(value, prefix.empty() ? std::string(key) : prefix + "." + std::string(key), depth,
                 fields);
        }
    }

    void take(const dom::element& value, const std::string& name, std::size_t depth,
              std::vector<Field>& fields) {
        if (fields.size() >= Limits{}.samples_per_message) return;
        dom::object object;
        dom::array array;
        const bool nested = depth < Limits{}.flatten_depth;
        if (value.get(object) == simdjson::SUCCESS) {
            if (nested) flatten(object, name, depth + 1, fields);
            return;
        }
        if (value.get(array) == simdjson::SUCCESS) {
            std::size_t index = 0;
            for (const dom::element item : array)
                if (nested) take(item, name + "." + std::to_string(index++), depth + 1, fields);
            return;
        }
        Field field;
        field.name = point_slug(name);
        if (field.name.empty()) return;
        switch (value.type()) {
            case dom::element_type::INT64:
                field.value = value.get_int64().value_unsafe();
                break;
            case dom::element_type::UINT64:
                field.value = static_cast<double>(value.get_uint64().value_unsafe());
                break;
            case dom::element_type::DOUBLE:
                field.value = value.get_double().value_unsafe();
                break;
            case dom::element_type::BOOL:
                field.value = value.get_bool().value_unsafe();
                break;
            case dom::element_type::STRING:
                field.value = std::string(value.get_string().value_unsafe());
                break;
            case dom::element_type::NULL_VALUE:
            case dom::element_type::ARRAY:
            case dom::element_type::OBJECT:
                break;
        }
        field.text = text_of(field.value);
        fields.push_back(std::move(field));
    }

    /// What `invalid = [...]` is compared with.
    static std::string text_of(const Value& value) {
        std::string text;
        if (const auto* words = std::get_if<std::string>(&value)) return *words;
        if (const auto* whole = std::get_if<std::int64_t>(&value)) append_int(text, *whole);
        if (const auto* number = std::get_if<double>(&value)) append_double(text, *number);
        if (const auto* flag = std::get_if<bool>(&value)) text = *flag ? "true" : "false";
        return text;
    }

    dom::parser parser_{64U << 10U};
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder() {
    return std::make_unique<JsonLines>();
}

}  // namespace fog::line
