#include "firmware/api/gateway_settings.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "firmware/config/json.hpp"
#include "firmware/core/crc32c.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {
namespace {

constexpr std::size_t kNameBytes = 64;
constexpr std::size_t kZoneBytes = 64;
constexpr std::size_t kFileBytes = 4096;

std::string json_of(std::string_view name, std::string_view zone) {
    std::string out = "{\"name\":";
    append_json_string(out, name);
    out += ",\"time_zone\":";
    append_json_string(out, zone);
    return out += "}";
}

}  // namespace

bool GatewaySettings::valid_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytes && valid_utf8(name) && trim(name) == name &&
           std::none_of(name.begin(), name.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool GatewaySettings::valid_time_zone(std::string_view zone) {
    if (zone.empty()) return true;
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    return zone.size() <= kZoneBytes && letter(zone.front()) && zone.back() != '/' &&
           zone.find("//") == std::string_view::npos &&
           std::all_of(zone.begin(), zone.end(), [&letter](char c) {
               return letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '+' ||
                      c == '-';
           });
}

GatewaySettings::GatewaySettings(Options options)
    : options_(std::move(options)), values_(std::make_shared<const Values>(make({}, {}))) {
    const auto text = read_file(options_.file, kFileBytes);
    if (!text) return;
    std::vector<Fault> faults;
    const auto node = parse_json(*text, faults);
    std::string name;
    std::string zone;
    if (node && node->is_table()) {
        ConfigView view(*node, faults);
        name = view.text("name");
        zone = view.text("time_zone");
    }
    const bool good = node && node->is_table() && faults.empty() &&
                      (name.empty() || valid_name(name)) && valid_time_zone(zone);
    if (good)
        values_.set(std::make_shared<const Values>(make(std::move(name), std::move(zone))));
    else
        log_warning("config", options_.file.string() + " is not valid and is left out");
}

GatewaySettings::Values GatewaySettings::make(std::string name, std::string zone) const {
    Values out;
    out.name_fixed = !options_.configured.empty();
    if (out.name_fixed)
        out.name = options_.configured;
    else if (name.empty())
        out.name = options_.fallback;
    else
        out.name = std::move(name);
    out.time_zone = std::move(zone);
    const std::uint32_t sum = crc32c(as_bytes(json_of(out.name, out.time_zone)));
    std::array<std::byte, 4> bytes{};
    for (unsigned i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(sum >> (8U * i));
    out.etag = "\"" + hex(bytes) + "\"";
    return out;
}

Result<void> GatewaySettings::put(std::string_view name, std::string_view time_zone,
                                  std::string_view if_match) {
    if (!valid_name(name))
        return Error{Errc::bad_request, "name: 1 to 64 bytes, nothing invisible",
                     "for example: Boiler house"};
    if (!valid_time_zone(time_zone))
        return Error{Errc::bad_request, "time_zone: not the name of a time zone",
                     "for example: Europe/Berlin"};
    return turn_.with([&](Turn&) -> Result<void> {
        const auto now = get();
        if (if_match != now->etag) return Error{Errc::conflict, "it has another version now", {}};
        if (now->name_fixed && name != now->name)
            return Error{Errc::bad_request, "name: it is set in the configuration",
                         "change gateway.name there, or remove it to set it here"};
        const std::string own = now->name_fixed ? std::string() : std::string(name);
        if (auto done = write_file(options_.file, json_of(own, time_zone) + "\n"); !done)
            return done;
        values_.set(std::make_shared<const Values>(make(own, std::string(time_zone))));
        return {};
    });
}

}  // namespace fog
