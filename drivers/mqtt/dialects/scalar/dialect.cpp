#include <algorithm>
#include <cmath>

#include "drivers/mqtt/dialects/readings.hpp"
#include "drivers/mqtt/dialects/topics.hpp"
#include "drivers/mqtt/dialects/units.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kTextBytes = 64;

/// Printable UTF-8 without control characters.
bool printable(std::string_view text) {
    const bool control = std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    });
    return !control && valid_utf8(text);
}

/// "21,5" is 21.5; "1,2,3" and "1, 2" are lists.
std::optional<double> parse_comma_decimal(std::string_view text) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos || comma == 0 || comma + 1 == text.size())
        return std::nullopt;
    if (text.find_first_not_of("0123456789,+-") != std::string_view::npos ||
        text.find(',', comma + 1) != std::string_view::npos)
        return std::nullopt;
    std::string point(text);
    point[comma] = '.';
    return parse_double(point);
}

struct Scalar {
    TextValue value;
    std::string unit;
};

/// "21.5", "21,5", "21.5 °C", a word, a short text.
Scalar read_scalar(std::string_view text) {
    Scalar out{value_of_text(text, kTextBytes), {}};
    if (!std::holds_alternative<std::string>(out.value.value)) return out;
    if (const auto number = parse_comma_decimal(text)) {
        out.value.value = *number;
        return out;
    }
    bool truth = false;
    if (parse_truth_word(text, truth)) {
        out.value.value = truth;
        return out;
    }
    const auto end = text.find_first_not_of("0123456789.,+-eE");
    const auto digits = text.find_last_of("0123456789", end == std::string_view::npos ? 0 : end);
    if (end == std::string_view::npos || digits == std::string_view::npos) return out;
    const auto unit = trim(text.substr(digits + 1));
    if (ucum_for_spelling(unit).empty()) return out;
    const auto number = text.substr(0, digits + 1);
    auto value = parse_double(number);
    if (!value) value = parse_comma_decimal(number);
    if (!value || !std::isfinite(*value)) return out;
    out.value.value = *value;
    out.unit = unit;
    return out;
}

/// A bare value; the topic says what it is.
class ScalarDialect final : public Dialect {
public:
    Claimed claim(std::string_view /*topic*/, std::span<const std::byte> head) const override {
        const auto text = trim(as_text(head));
        if (text.size() > kTextBytes || !printable(text)) return {};
        if (text.empty()) return {};
        if (text.front() == '{' || text.front() == '[') return {};
        return {Claim::weak, "The payload is a bare value and the topic names it."};
    }

    void decode(const Message& message, const Context& /*context*/, Emit& out) const override {
        const auto text = trim(as_text(message.payload));
        if (text.size() > kTextBytes) return out.raw(message.payload, "text longer than 64 bytes");
        if (!printable(text)) return out.raw(message.payload, "not printable text");
        const auto place = place_of_scalar(message.topic);
        if (place.last.empty()) return out.raw(message.payload, "the topic has no name");
        Reading reading;
        reading.device_key = "json:" + place.device;  // below one topic both generic dialects meet
        reading.point = point_slug(place.last);
        auto scalar = read_scalar(text);
        reading.value = std::move(scalar.value.value);
        reading.quality = scalar.value.quality;
        apply_unit(reading, scalar.unit);
        if (is_switch(reading)) {
            reading.value = std::get<double>(reading.value) != 0;
            reading.unit.clear();
            reading.unit_guessed = false;
        }
        apply_live_time(reading, std::nullopt, message);
        out.reading(std::move(reading));
    }

    Result<std::pair<std::string, Bytes>> encode(const Command& command) const override {
        return Error{Errc::bad_request, command.device_key + ": bare values take no commands", {}};
    }

private:
    /// 1 and 0 are truth values where the name says so.
    static bool is_switch(const Reading& reading) {
        const auto* number = std::get_if<double>(&reading.value);
        if (number == nullptr || (*number != 0 && *number != 1)) return false;
        return unit_for_name(reading.point, reading.value).boolean;
    }
};

std::unique_ptr<Dialect> make(const Limits& /*limits*/) {
    return std::make_unique<ScalarDialect>();
}

}  // namespace

extern const DialectInfo scalar_dialect;
const DialectInfo scalar_dialect{
    .name = "scalar",
    .summary = "One bare value per topic",
    .schema = R"({"type":"object","additionalProperties":false,"properties":{}})",
    .make = make};

}  // namespace fog
