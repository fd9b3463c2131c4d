#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/line_ascii/config.hpp"
#include "firmware/core/value.hpp"

namespace fog::line {

/// One field of a line before units, scale and invalid texts are applied.
struct Field {
    std::string name;  // a point id
    Value value;
    std::string text;     // as it stood in the line
    bool failed = false;  // the line matched, this field did not
    std::string unit;     // guessed from a suffix
};

/// Takes a line (valid UTF-8, checksum gone) apart. May learn from lines (a CSV header).
class Decoder {
public:
    virtual ~Decoder() = default;
    enum class Match : std::uint8_t { no, header, yes };
    virtual Match decode(std::string_view line, std::vector<Field>& fields) = 0;
};

std::unique_ptr<Decoder> make_decoder(const Options& options);
std::unique_ptr<Decoder> make_json_decoder();
std::unique_ptr<Decoder> make_template_decoder(const Options& options);
std::unique_ptr<Decoder> make_regex_decoder(const Options& options);

}  // namespace fog::line
