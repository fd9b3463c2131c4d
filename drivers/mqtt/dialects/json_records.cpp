#include "drivers/mqtt/dialects/json_records.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

using namespace std::string_view_literals;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::array kDeviceKeys = {"id"sv,  "device"sv, "deviceId"sv, "device_id"sv, "dev"sv,
                                    "mac"sv, "serial"sv, "sn"sv,       "devEUI"sv};
constexpr std::array kTimeKeys = {"ts"sv, "time"sv, "timestamp"sv, "Time"sv,
                                  "t"sv,  "date"sv, "datetime"sv};
constexpr std::array kUnitKeys = {"unit"sv, "units"sv, "uom"sv};
/// Points of these names tell devices apart, they measure nothing.
constexpr std::array kIdWords = {"id"sv,        "uuid"sv,         "mac"sv,     "serial"sv,
                                 "sn"sv,        "device_id"sv,    "dev_eui"sv, "ieee_address"sv,
                                 "client_id"sv, "serial_number"sv};

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Only to say where text stops being JSON; values are not kept.
struct Locator final : nlohmann::json_sax<nlohmann::json> {
    std::size_t at = 0;
    bool failed = false;
    bool null() override { return true; }
    bool boolean(bool /*value*/) override { return true; }
    bool number_integer(number_integer_t /*value*/) override { return true; }
    bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
    bool string(string_t& /*value*/) override { return true; }
    bool binary(binary_t& /*value*/) override { return true; }
    bool start_object(std::size_t /*size*/) override { return true; }
    bool key(string_t& /*name*/) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t /*size*/) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::json::exception& /*why*/) override {
        at = position;
        failed = true;
        return false;
    }
};

Error explain(std::string_view text, simdjson::error_code code, const Limits& limits) {
    const auto bad = [](std::string what) { return Error{Errc::bad_frame, std::move(what), {}}; };
    if (code == simdjson::DEPTH_ERROR)
        return bad("JSON nested deeper than " + std::to_string(limits.json_depth));
    std::string where;
    try {
        Locator locator;
        nlohmann::json::sax_parse(text, &locator);
        if (locator.failed) where = " at byte " + std::to_string(locator.at);
    } catch (const std::exception&) {
        where.clear();  // the reason alone has to do
    }
    if (code == simdjson::UTF8_ERROR) return bad("not UTF-8" + where);
    if (code == simdjson::EMPTY) return bad("empty");
    if (code == simdjson::NUMBER_ERROR && where.empty()) return bad("a number is out of range");
    return bad("malformed JSON" + where);
}

/// "TempUnit", "temperature_unit": the unit of the points whose name begins like this.
std::string_view unit_stem(std::string_view key) {
    for (const std::string_view tail : {"Unit"sv, "_unit"sv, "_units"sv})
        if (key.size() > tail.size() && key.ends_with(tail))
            return key.substr(0, key.size() - tail.size());
    return {};
}

std::optional<std::string_view> text_of(const element& value) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    return text;
}

class Flattener {
public:
    Flattener(const Limits& limits, JsonRecord& out) : limits_(limits), out_(out) {}

    void record(const simdjson::dom::object& object) {
        read_top(object);
        flatten(object, {}, 1);
        for (auto& point : out_.points) {
            if (!point.unit.empty()) continue;
            const auto last = std::string_view(point.name).substr(point.name.rfind('.') + 1);
            for (const auto& [stem, unit] : stems_)
                if (last.starts_with(stem)) point.unit = unit;
        }
    }

private:
    void leave_out(std::string what) {
        if (out_.left_out.size() < 8) out_.left_out.push_back(std::move(what));
    }

    /// Device and time, which only the top level carries. One walk over the object; then the keys
    /// in the order they are believed, of two with one name the first.
    void read_top(const simdjson::dom::object& object) {
        std::array<std::optional<element>, kDeviceKeys.size()> devices;
        std::array<std::optional<element>, kTimeKeys.size()> times;
        for (const auto field : object) {
            note(field.key, field.value, kDeviceKeys, devices);
            note(field.key, field.value, kTimeKeys, times);
        }
        for (std::size_t i = 0; i < kDeviceKeys.size(); ++i) {
            if (!devices[i] || !read_device(*devices[i])) continue;
            device_key_ = kDeviceKeys[i];
            break;
        }
        for (std::size_t i = 0; i < kTimeKeys.size(); ++i)
            if (times[i]) read_time(kTimeKeys[i], *times[i]);
    }

    template <std::size_t N>
    static void note(std::string_view key, const element& value,
                     const std::array<std::string_view, N>& keys,
                     std::array<std::optional<element>, N>& found) {
        for (std::size_t i = 0; i < N; ++i)
            if (key == keys[i] && !found[i]) found[i] = value;
    }

    bool read_device(const element& value) {
        std::int64_t number = 0;
        if (value.get_int64().get(number) == simdjson::SUCCESS) {
            out_.device = std::to_string(number);
        } else if (const auto text = text_of(value); text && !trim(*text).empty()) {
            out_.device = trim(*text).substr(0, limits_.name_bytes);
        } else {
            return false;
        }
        out_.device_local = out_.device.size() < 6 &&
                            out_.device.find_first_not_of("0123456789") == std::string::npos;
        return true;
    }

    void read_time(std::string_view key, const element& value) {
        std::optional<WallTime> time;
        double number = 0;
        std::int64_t whole = 0;
        if (value.get_int64().get(whole) == simdjson::SUCCESS) {
            time = time_of_integer(whole);
        } else if (value.get_double().get(number) == simdjson::SUCCESS) {
            time = time_of_epoch(number);
        } else if (const auto text = text_of(value)) {
            time = parse_rfc3339(*text);
            if (const auto seconds = parse_double(*text); !time && seconds)
                time = time_of_epoch(*seconds);
        }
        // "t" is as often a temperature: taken for a time only if it can be one.
        if (!time && key == "t") return;
        time_keys_.push_back(key);
        // Later than a clock can say: a time, but one that nobody will believe.
        if (!time && std::max(number, static_cast<double>(whole)) >= 1e9) time = kNever;
        if (!time) out_.bad_time = true;
        if (time && !out_.time) out_.time = time;
    }

    /// As time_of_epoch, without the detour over double that costs nanoseconds.
    static std::optional<WallTime> time_of_integer(std::int64_t number) {
        if (number >= 1'000'000'000'000'000'000) return WallTime{std::chrono::nanoseconds{number}};
        if (number >= 9'200'000'000'000'000) return std::nullopt;  // µs beyond what ns can hold
        if (number >= 1'000'000'000'000'000) return WallTime{std::chrono::microseconds{number}};
        return time_of_epoch(static_cast<double>(number));
    }

    bool is_special(std::string_view key, const element& value, std::size_t depth) {
        if (depth == 1 && (key == device_key_ || std::find(time_keys_.begin(), time_keys_.end(),
                                                           key) != time_keys_.end()))
            return true;
        const auto stem = unit_stem(key);
        if (stem.empty()) return false;
        const auto unit = text_of(value);
        if (!unit || unit->size() > 16) return false;
        stems_.emplace_back(point_slug(stem), std::string(*unit));
        return true;
    }

    static std::string join(const std::string& prefix, std::string_view key) {
        const auto slug = point_slug(key);
        return prefix.empty() ? slug : prefix + "." + slug;
    }

    /// {"value": 1, "unit": "°C"} and {"name": "a", "value": 1} are one point each.
    struct Named {
        bool is = false;
        std::string name;
        std::string unit;
        std::string_view name_key, unit_key;
    };
    Named named_value(const simdjson::dom::object& object) const {
        Named out;
        element value;
        if (object.at_key("value").get(value) != simdjson::SUCCESS || value.is_object() ||
            value.is_array())
            return out;
        for (const auto key : kUnitKeys) {
            element unit;
            if (object.at_key(key).get(unit) != simdjson::SUCCESS) continue;
            if (const auto text = text_of(unit); text && text->size() <= 32) {
                out.unit = *text;
                out.unit_key = key;
                out.is = true;
                break;
            }
        }
        element name;
        if (object.at_key("name").get(name) == simdjson::SUCCESS)
            if (const auto text = text_of(name); text && !trim(*text).empty()) {
                out.name = trim(*text);
                out.name_key = "name";
                out.is = true;
            }
        return out;
    }

    void flatten(const simdjson::dom::object& object, const std::string& prefix,
                 std::size_t depth) {
        const Named named = named_value(object);
        std::size_t keys = 0;
        for (const auto field : object) {
            if (++keys > limits_.object_keys)
                return leave_out("more than " + std::to_string(limits_.object_keys) +
                                 " keys in an object");
            if (named.is && (field.key == named.name_key || field.key == named.unit_key)) continue;
            if (is_special(field.key, field.value, depth)) continue;
            if (named.is && field.key == "value"sv) {
                const auto name = !named.name.empty() ? join(prefix, named.name)
                                  : !prefix.empty()   ? prefix
                                                      : std::string("value");
                add(name, field.value, named.unit);
                continue;
            }
            visit(join(prefix, field.key), field.value, depth);
        }
    }

    void visit(const std::string& name, const element& value, std::size_t depth) {
        if (value.is_object()) {
            if (depth >= limits_.flatten_depth)
                return leave_out("nested deeper than " + std::to_string(limits_.flatten_depth) +
                                 ": " + name);
            return flatten(value.get_object().value_unsafe(), name, depth + 1);
        }
        if (value.is_array()) return list(name, value.get_array().value_unsafe(), depth);
        const auto last = std::string_view(name).substr(name.rfind('.') + 1);
        if (one_of(last, kIdWords)) return;
        add(name, value, {});
    }

    /// A list of named values gives points; any other list has no names to go by.
    void list(const std::string& name, const simdjson::dom::array& items, std::size_t depth) {
        bool unnamed = false;
        for (const auto item : items) {
            simdjson::dom::object object;
            const bool named = depth < limits_.flatten_depth &&
                               item.get(object) == simdjson::SUCCESS &&
                               !named_value(object).name.empty();
            if (named) flatten(object, name, depth + 1);
            unnamed = unnamed || !named;
        }
        if (unnamed) leave_out("a list without names: " + name);
    }

    void add(const std::string& name, const element& value, std::string_view unit) {
        if (out_.points.size() >= limits_.samples_per_message)
            return leave_out("more than " + std::to_string(limits_.samples_per_message) +
                             " values in a message");
        if (name.size() > limits_.name_bytes)
            return leave_out("a name longer than " + std::to_string(limits_.name_bytes) +
                             " bytes: " + name.substr(0, limits_.name_bytes));
        out_.points.push_back({name, value_of(value), std::string(unit)});
    }

    TextValue value_of(const element& value) const {
        switch (value.type()) {
            case element_type::INT64:
                return {value_of_integer(value.get_int64().value_unsafe()), {}};
            case element_type::UINT64:  // above 2^63: no exact form of ours holds it
                return {static_cast<double>(value.get_uint64().value_unsafe()), {}};
            case element_type::DOUBLE:
                return {value.get_double().value_unsafe(), {}};
            case element_type::BOOL:
                return {value.get_bool().value_unsafe(), {}};
            case element_type::STRING:
                return value_of_text(value.get_string().value_unsafe(), limits_.string_value_bytes);
            case element_type::NULL_VALUE:
            case element_type::ARRAY:
            case element_type::OBJECT:
                break;
        }
        return {{}, Quality::bad(Reason::no_data)};
    }

    const Limits& limits_;
    JsonRecord& out_;
    std::string_view device_key_;
    std::vector<std::string_view> time_keys_;
    std::vector<std::pair<std::string, std::string>> stems_;  // slug, unit
};

}  // namespace

struct JsonReader::Impl {
    explicit Impl(const Limits& given) : limits(given) {}
    Limits limits;
    simdjson::dom::parser parser;
    std::string padded;  // simdjson reads past the end
    std::size_t allocated = 0;

    simdjson::error_code parse(std::span<const std::byte> text, element& root) {
        if (padded.size() < text.size() + simdjson::SIMDJSON_PADDING)
            padded.resize(text.size() + simdjson::SIMDJSON_PADDING);
        if (!text.empty()) std::memcpy(padded.data(), text.data(), text.size());
        if (allocated < text.size() || allocated == 0) {
            const auto room = std::max<std::size_t>(text.size(), 1024);
            if (const auto error = parser.allocate(room, limits.json_depth)) return error;
            allocated = room;
        }
        return parser.parse(padded.data(), text.size(), false).get(root);
    }
};

JsonReader::JsonReader(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
JsonReader::~JsonReader() = default;

Result<void> JsonReader::read(std::span<const std::byte> text, const Each& each) {
    element root;
    if (const auto error = impl_->parse(text, root))
        return explain(as_text(text), error, impl_->limits);
    const auto one = [&](std::size_t index, const element& item) {
        JsonRecord record;
        simdjson::dom::object object;
        if (item.get(object) == simdjson::SUCCESS)
            Flattener(impl_->limits, record).record(object);
        else
            record.problem = "not an object";
        each(index, record);
    };
    simdjson::dom::array items;
    if (root.get(items) != simdjson::SUCCESS) {
        one(0, root);
        return {};
    }
    std::size_t index = 0;
    for (const auto item : items) one(index++, item);
    return {};
}

}  // namespace fog
