#include "drivers/nanopb_frame/values.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "firmware/core/text.hpp"

namespace fog::mcu {

namespace {

Decoded from_double(double raw, const PointInfo& point) {
    if (std::isnan(raw)) return {{}, Quality::bad(Reason::sensor_failure)};
    if (std::isinf(raw)) return {{}, Quality::bad(Reason::decode)};
    const double value = point.scaled() ? raw * point.scale + point.offset : raw;
    if (!std::isfinite(value)) return {{}, Quality::bad(Reason::decode)};
    return {value, {}};
}

/// Exact as long as no scale is asked for.
Decoded from_int(std::int64_t raw, const PointInfo& point) {
    if (point.scaled()) return from_double(static_cast<double>(raw), point);
    return {raw, {}};
}

/// A float in the fewest digits that name it: 0.1f becomes 0.1, not 0.10000000149.
double shortest(float value) {
    if (!std::isfinite(value)) return value;
    std::array<char, 48> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return parse_double({text.data(), static_cast<std::size_t>(end - text.data())}).value_or(value);
}

Quality of_status(std::uint32_t status) {
    switch (status) {
        case fog_mcu_Status_GOOD:
            return {};
        case fog_mcu_Status_SENSOR_FAILURE:
            return Quality::bad(Reason::sensor_failure);
        case fog_mcu_Status_OUT_OF_SERVICE:
            return Quality::bad(Reason::out_of_service);
        case fog_mcu_Status_CALIBRATING:
            return Quality::uncertain(Reason::calibrating);
        case fog_mcu_Status_CLAMPED:
            return Quality::uncertain(Reason::clamped);
        default:  // a number of a later protocol
            return Quality::bad(Reason::decode);
    }
}

}  // namespace

Decoded decode_value(const fog_mcu_Sample& sample, const PointInfo& point) {
    Decoded out{{}, Quality::bad(Reason::no_data)};
    switch (sample.which_value) {
        case fog_mcu_Sample_f64_tag:
            out = from_double(sample.value.f64, point);
            break;
        case fog_mcu_Sample_f32_tag:
            out = from_double(shortest(sample.value.f32), point);
            break;
        case fog_mcu_Sample_i64_tag:
            out = from_int(sample.value.i64, point);
            break;
        case fog_mcu_Sample_flag_tag:
            out = {sample.value.flag, {}};
            break;
        case fog_mcu_Sample_text_tag:
            out = {repair_utf8(sample.value.text), {}};
            break;
        default:  // nothing was set
            break;
    }
    const Quality said = of_status(sample.status);
    // "No value because the sensor failed" is one fact, not two.
    if (said.cls() == QualityClass::bad)
        out.quality = said;
    else
        out.quality = worse(out.quality, said);
    if (out.quality.cls() == QualityClass::bad) out.value = {};
    return out;
}

Decoded decode_value(const fog_mcu_CommandResult& result, const PointInfo& point) {
    switch (result.which_read_back) {
        case fog_mcu_CommandResult_f64_tag:
            return from_double(result.read_back.f64, point);
        case fog_mcu_CommandResult_i64_tag:
            return from_int(result.read_back.i64, point);
        case fog_mcu_CommandResult_flag_tag:
            return {result.read_back.flag, {}};
        case fog_mcu_CommandResult_text_tag:
            return {repair_utf8(result.read_back.text), {}};
        default:  // nothing was read back
            return {{}, Quality::bad(Reason::no_data)};
    }
}

Result<void> encode_value(const Value& value, const PointInfo& point, fog_mcu_Command& command) {
    if (const auto* flag = std::get_if<bool>(&value)) {
        command.which_value = fog_mcu_Command_flag_tag;
        command.value.flag = *flag;
        return {};
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
        if (text->size() >= sizeof command.value.text)
            return Error{Errc::bad_request, "text is longer than a command can carry", {}};
        command.which_value = fog_mcu_Command_text_tag;
        std::memcpy(command.value.text, text->c_str(), text->size() + 1);
        return {};
    }
    const auto* whole = std::get_if<std::int64_t>(&value);
    if (whole != nullptr && !point.scaled()) {
        command.which_value = fog_mcu_Command_i64_tag;
        command.value.i64 = *whole;
        return {};
    }
    double number = 0;
    if (!as_number(value, number) || !std::isfinite(number))
        return Error{Errc::bad_request, "no value to write", {}};
    command.which_value = fog_mcu_Command_f64_tag;
    command.value.f64 = (number - point.offset) / point.scale;
    return {};
}

}  // namespace fog::mcu
