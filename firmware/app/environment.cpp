#include "firmware/app/environment.hpp"

#include <sys/timex.h>
#include <unistd.h>

#include <array>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"

namespace fog {
namespace {

// The day this was built, from __DATE__-free input so that builds are reproducible.
constexpr std::string_view kBuilt = FOG_BUILD_DAY "T00:00:00Z";

}  // namespace

Result<std::string> kernel_boot_uuid() {
    auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
    if (!text) return text;
    return std::string(trim(*text));
}

Result<std::string> gateway_id(const std::filesystem::path& state_folder) {
    const auto path = state_folder / "gateway_id";
    if (auto known = read_file(path, 128)) {
        std::string id(trim(*known));
        if (device_slug(id) == id) return id;
    }
    const std::string id = "gw-" + random_hex(4);
    if (auto written = write_file(path, id + "\n", 0644); !written)
        return std::move(written).error();
    return id;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "fogline";
    return name.data();
}

bool clock_is_plausible(WallTime now) {
    timex state{};
    const int sync = ::adjtimex(&state);
    if (sync >= 0 && sync != TIME_ERROR && (state.status & STA_UNSYNC) == 0) return true;
    const auto built = parse_rfc3339(kBuilt);
    return built && now > *built;
}

}  // namespace fog
