#include "drivers/line_ascii/codec.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "drivers/line_ascii/checksum.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/text.hpp"

namespace fog::line {

LineCodec::LineCodec(Options options)
    : options_(std::move(options)),
      key_("line:" + options_.id),
      splitter_(options_.framing),
      decoder_(make_decoder(options_)) {}

void LineCodec::feed(std::span<const std::byte> bytes, Emit& out) {
    stats_.bytes += bytes.size();
    splitter_.feed(
        bytes, {[&](std::string_view text, std::size_t wire_bytes) { line(text, wire_bytes, out); },
                [&](LineSplitter::Drop why, std::size_t count) { dropped(why, count); }});
}

void LineCodec::dropped(LineSplitter::Drop why, std::size_t bytes) {
    stats_.discarded_bytes += bytes;
    switch (why) {
        case LineSplitter::Drop::oversized:
            ++stats_.oversized;
            return;
        case LineSplitter::Drop::half:
            ++stats_.bad_frame;
            return;
        case LineSplitter::Drop::outside:  // told byte by byte: no frames to count
            return;
    }
}

void LineCodec::line(std::string_view text, std::size_t wire_bytes, Emit& out) {
    const auto checked = check_line(text, options_);
    if (!checked) {
        ++stats_.bad_crc;
        stats_.discarded_bytes += wire_bytes;
        return;
    }
    const bool repaired = !valid_utf8(*checked);
    const std::string whole = repaired ? repair_utf8(*checked) : std::string(*checked);
    fields_.clear();
    if (decoder_->decode(whole, fields_) == Decoder::Match::no) {
        ++stats_.undecodable;
        stats_.discarded_bytes += wire_bytes;
        out.raw(as_bytes(text), "line does not match");
        return;
    }
    ++stats_.frames;
    stats_.frame_bytes += wire_bytes;
    for (Field& field : fields_) emit(std::move(field), repaired, out);
}

void LineCodec::emit(Field field, bool repaired, Emit& out) {
    const auto found = options_.point_options.find(field.name);
    static const PointOptions kNone;
    const PointOptions& point = found == options_.point_options.end() ? kNone : found->second;

    Reading reading;
    reading.device_key = key_;
    reading.device_name = options_.id;
    reading.point = std::move(field.name);
    reading.unit = point.unit.empty() ? field.unit : point.unit;
    reading.unit_guessed = point.unit.empty() && !field.unit.empty();
    const auto refuse = [&reading](Reason reason) {
        reading.value = {};
        reading.quality = Quality::bad(reason);
    };
    double number = 0;
    const bool is_bool = std::holds_alternative<bool>(field.value);
    if (std::ranges::find(point.invalid, field.text) != point.invalid.end()) {
        refuse(Reason::sensor_failure);
    } else if (field.failed) {
        refuse(Reason::decode);
    } else if (is_null(field.value)) {
        refuse(Reason::no_data);
    } else if (auto* text = std::get_if<std::string>(&field.value)) {
        const bool cut = text->size() > Limits{}.string_value_bytes;
        if (cut)
            *text = repair_utf8(std::string_view(*text).substr(0, Limits{}.string_value_bytes));
        if (cut || repaired) reading.quality = Quality::uncertain(Reason::partial);
        reading.value = std::move(*text);
    } else if (!is_bool && as_number(field.value, number)) {
        const bool scaled = point.scale != 1 || point.offset != 0;
        const double value = scaled ? number * point.scale + point.offset : number;
        if (std::isnan(number)) {
            refuse(Reason::sensor_failure);
        } else if (!std::isfinite(value)) {
            refuse(Reason::decode);
        } else if (scaled) {
            reading.value = value;
        } else {
            reading.value = std::move(field.value);
        }
    } else {
        reading.value = std::move(field.value);
    }
    ++stats_.readings;
    out.reading(std::move(reading));
}

void LineCodec::tell_time(MonoTime mono, WallTime) {
    if (options_.poll_every.count() == 0 || mono < next_poll_) return;
    next_poll_ = mono + options_.poll_every;
    if (!output_.empty()) return;  // the last question was not even sent
    const auto question = as_bytes(options_.poll_send);
    output_.assign(question.begin(), question.end());
}

Bytes LineCodec::take_output() {
    return std::exchange(output_, {});
}

Result<Bytes> LineCodec::encode(const Command& command) {
    const auto found = options_.point_options.find(command.point);
    if (command.device_key != key_ || found == options_.point_options.end() ||
        found->second.write.empty())
        return Error{Errc::refused, options_.id + "/" + command.point + " cannot be written",
                     "give the point a write template"};
    std::string value;
    double number = 0;
    if (const auto* text = std::get_if<std::string>(&command.value)) {
        // A line break in a value would be a second command.
        if (std::ranges::any_of(*text, [](unsigned char c) { return c < 0x20; }))
            return Error{Errc::bad_request, "the value holds control characters", {}};
        value = *text;
    } else if (const auto* flag = std::get_if<bool>(&command.value)) {
        value = *flag ? "1" : "0";
    } else if (const auto* whole = std::get_if<std::int64_t>(&command.value);
               whole != nullptr && found->second.scale == 1 && found->second.offset == 0) {
        append_int(value, *whole);
    } else if (as_number(command.value, number) && std::isfinite(number)) {
        append_double(value, (number - found->second.offset) / found->second.scale);
    } else {
        return Error{Errc::bad_request, "no value to write", {}};
    }
    std::string text = found->second.write;
    text.replace(text.find("{value}"), 7, value);
    const auto bytes = as_bytes(text);
    return Bytes(bytes.begin(), bytes.end());
}

void LineCodec::reset(Cause) {
    splitter_.reset({[](std::string_view, std::size_t) {},
                     [this](LineSplitter::Drop why, std::size_t bytes) { dropped(why, bytes); }});
    output_.clear();
    next_poll_ = {};
}

}  // namespace fog::line
