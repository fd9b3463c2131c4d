#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "drivers/framing/lines.hpp"
#include "firmware/core/node.hpp"

namespace fog::line {

enum class Checksum : std::uint8_t { none, xor8, sum8, crc16_modbus, crc16_ccitt };
enum class DecoderKind : std::uint8_t { key_value, pattern, regex, csv, json_lines, number };

struct PointOptions {
    std::string unit;
    double scale = 1;
    double offset = 0;
    std::vector<std::string> invalid;  // texts that mean "the sensor has no value"
    std::string write;                 // "SET {value}\r\n"; empty = cannot be written
};

/// Everything line_ascii can be told, checked. A plain value.
struct Options {
    std::string id = "line";
    LineFraming framing;
    Checksum checksum = Checksum::none;
    std::string checksum_mark = "*";  // between the text and the hex digits at its end
    std::size_t checksum_skip = 0;    // leading bytes that are not covered
    DecoderKind decoder = DecoderKind::key_value;
    std::string pattern;              // of template and regex
    std::vector<std::string> points;  // names for regex groups; for number the only one
    std::string pair_separators = " ,;\t";
    std::string key_separators = "=:";
    char csv_separator = ',';
    std::vector<std::string> columns;  // empty: the first line names them
    bool decimal_comma = false;
    std::map<std::string, PointOptions, std::less<>> point_options;  // by point id
    std::string poll_send;
    std::chrono::nanoseconds poll_every{0};  // 0 = never asks
};

/// Reads the options; faults go to the view, and what is wrong keeps its default.
Options read_options(ConfigView& config);

}  // namespace fog::line
