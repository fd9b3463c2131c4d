#include "drivers/driver.hpp"
#include "drivers/line_ascii/codec.hpp"

namespace fog {

namespace {

constexpr std::string_view kSchema = R"json({
  "type": "object",
  "required": ["port"],
  "properties": {
    "framing": {"enum": ["delimiter", "length", "start_end"], "default": "delimiter",
      "title": "Framing", "description": "What separates one message from the next"},
    "delimiter": {"type": "string", "minLength": 1, "maxLength": 4, "default": "\n",
      "title": "Delimiter", "description": "A carriage return before a newline is stripped"},
    "length": {"type": "integer", "minimum": 1, "maximum": 1024,
      "title": "Length", "description": "Bytes of each message, for framing = length"},
    "start": {"type": "string", "minLength": 1, "maxLength": 4, "title": "Start mark"},
    "end": {"type": "string", "minLength": 1, "maxLength": 4, "default": "\n", "title": "End mark"},
    "max_len": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 1024,
      "title": "Longest message", "description": "Bytes; what is longer is dropped and counted"},
    "checksum": {"enum": ["none", "xor8", "sum8", "crc16-modbus", "crc16-ccitt"],
      "default": "none", "title": "Checksum", "description": "Hex digits at the end of the line"},
    "checksum_mark": {"type": "string", "default": "*",
      "title": "Checksum mark", "description": "Stands between the text and the digits"},
    "checksum_skip": {"type": "integer", "minimum": 0, "maximum": 1024, "default": 0,
      "title": "Bytes not covered", "description": "Leading bytes, such as a '$'"},
    "decode": {"enum": ["key_value", "template", "regex", "csv", "json_lines", "number"],
      "default": "key_value", "title": "Decoder"},
    "template": {"type": "string", "title": "Template",
      "description": "T={temp:f} H={hum:f}% with types f, i, x, s, b and {*} to skip"},
    "regex": {"type": "string", "title": "Expression",
      "description": "POSIX extended, one point for each group"},
    "points": {"type": "array", "items": {"type": "string"}, "title": "Points",
      "description": "Names for the groups of regex, or of the number; * skips"},
    "columns": {"type": "array", "items": {"type": "string"}, "title": "Columns",
      "description": "Of csv; without them the first line names them"},
    "csv_separator": {"type": "string", "minLength": 1, "maxLength": 1, "default": ","},
    "pair_separators": {"type": "string", "default": " ,;\t"},
    "key_separators": {"type": "string", "default": "=:"},
    "decimal_comma": {"type": "boolean", "default": false, "title": "Decimal comma"},
    "point": {"type": "array", "title": "Points in detail", "items": {"type": "object",
      "required": ["name"], "properties": {
        "name": {"type": "string"},
        "unit": {"type": "string", "description": "UCUM code"},
        "scale": {"type": "number", "default": 1},
        "offset": {"type": "number", "default": 0},
        "invalid": {"type": "array", "items": {"type": "string"},
          "description": "Texts that mean the sensor has no value"},
        "write": {"type": "string", "description": "What is sent to set it: SET {value}\r\n"}}}},
    "poll": {"type": "object", "title": "Ask", "required": ["send"], "properties": {
        "send": {"type": "string", "description": "What makes the device answer"},
        "every": {"type": "string", "default": "2 s"}}}
  }
})json";

std::unique_ptr<Codec> make(ConfigView& config) {
    return std::make_unique<line::LineCodec>(line::read_options(config));
}

}  // namespace

extern const DriverInfo line_ascii_driver;
const DriverInfo line_ascii_driver{
    .name = "line_ascii",
    .summary = "Devices that print lines of text: key=value, CSV, JSON, numbers, your own format",
    .schema = kSchema,
    .make_codec = make,
};

}  // namespace fog
