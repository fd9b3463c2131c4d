#include "drivers/sim_device.hpp"

#include <charconv>

namespace fog {

namespace {

/// Prints "T=21.5 H=40" lines; an optional xor8 checksum and a decimal comma.
class SimLine final : public SimDevice {
public:
    explicit SimLine(ConfigView& config)
        : checksum_(config.choice("checksum", "none", {"none", "xor8"}) == "xor8"),
          end_(config.text("delimiter", "\n")) {}

    Bytes report(std::uint64_t, std::span<const SimPoint> points, MonoTime) override {
        std::string line;
        for (const SimPoint& point : points) {
            if (!line.empty()) line += ' ';
            line += point.name + "=" + printed(point.value);
        }
        if (checksum_) {
            unsigned all = 0;
            for (const char byte : line) all ^= static_cast<unsigned char>(byte);
            constexpr std::string_view kDigits = "0123456789ABCDEF";
            line += '*';
            line += kDigits[all >> 4U];
            line += kDigits[all & 15U];
        }
        line += end_;
        const auto bytes = as_bytes(line);
        return {bytes.begin(), bytes.end()};
    }
    void feed(std::span<const std::byte>) override {}  // it only talks
    Bytes tick(MonoTime) override { return {}; }

private:
    static std::string printed(const Value& value) {
        if (const auto* text = std::get_if<std::string>(&value)) {
            std::string word;  // a blank would end the pair
            for (const char byte : *text) word += byte == ' ' ? '_' : byte;
            return word;
        }
        if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
        char digits[40];
        char* end = digits;
        if (const auto* whole = std::get_if<std::int64_t>(&value))
            end = std::to_chars(digits, digits + sizeof digits, *whole).ptr;
        if (const auto* number = std::get_if<double>(&value))
            end = std::to_chars(digits, digits + sizeof digits, *number).ptr;
        return end == digits ? "nan" : std::string(digits, end);
    }

    const bool checksum_;
    const std::string end_;
};

std::unique_ptr<SimDevice> make(std::string_view, ConfigView& config) {
    return std::make_unique<SimLine>(config);
}

}  // namespace

extern const SimDeviceInfo line_ascii_sim_device;
const SimDeviceInfo line_ascii_sim_device{"line_ascii", "serial.line", make};

}  // namespace fog
