#include "drivers/driver.hpp"
#include "drivers/nanopb_frame/codec.hpp"

namespace fog {

namespace {

constexpr std::string_view kSchema = R"json({
  "type": "object",
  "required": ["port"],
  "properties": {
    "window": {"type": "integer", "minimum": 1, "maximum": 8, "default": 8,
      "title": "Window", "description": "Frames the device may send before it is acknowledged"},
    "max_frame": {"type": "integer", "minimum": 64, "maximum": 1024, "default": 256,
      "title": "Largest payload", "description": "Bytes; agreed with the device, the smaller wins"},
    "crc": {"enum": ["auto", "crc32"], "default": "auto",
      "title": "Checksum", "description": "auto: CRC-16 if the device asks for it"}
  }
})json";

std::unique_ptr<Codec> make(ConfigView& config) {
    mcu::FrameCodec::Options options;
    options.window = static_cast<std::uint32_t>(config.integer("window", 8, 1, 8));
    options.max_payload = static_cast<std::uint32_t>(config.integer("max_frame", 256, 64, 1024));
    options.crc16 = config.choice("crc", "auto", {"auto", "crc32"}) == "auto";
    return std::make_unique<mcu::FrameCodec>(options);
}

}  // namespace

extern const DriverInfo nanopb_frame_driver;
const DriverInfo nanopb_frame_driver{
    .name = "nanopb_frame",
    .summary = "Microcontrollers of your own: COBS frames with CRC and acknowledgement",
    .schema = kSchema,
    .make_codec = make,
};

}  // namespace fog
