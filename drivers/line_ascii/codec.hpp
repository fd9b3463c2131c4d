#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/codec.hpp"
#include "drivers/framing/lines.hpp"
#include "drivers/line_ascii/config.hpp"
#include "drivers/line_ascii/decode.hpp"

namespace fog::line {

/// Devices that print lines: cut, checked, taken apart as the configuration says. One codec is one
/// device, `line:<id>`. Pure: no I/O, no clock, no threads.
class LineCodec final : public Codec {
public:
    explicit LineCodec(Options options);

    void feed(std::span<const std::byte> bytes, Emit& out) override;
    void tell_time(MonoTime mono, WallTime wall) override;
    Bytes take_output() override;
    Result<Bytes> encode(const Command& command) override;
    void reset(Cause cause) override;
    CodecStats stats() const override { return stats_; }

private:
    void line(std::string_view text, std::size_t wire_bytes, Emit& out);
    void dropped(LineSplitter::Drop why, std::size_t bytes);
    void emit(Field field, bool repaired, Emit& out);

    const Options options_;
    const std::string key_;
    LineSplitter splitter_;
    std::unique_ptr<Decoder> decoder_;
    std::vector<Field> fields_;  // of one line
    MonoTime next_poll_{};
    Bytes output_;
    CodecStats stats_;
};

}  // namespace fog::line
