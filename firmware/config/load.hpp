#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/config/config.hpp"

namespace fog {

/// Where the layers come from. Built-in < main file < conf.d < object folders < environment < sets.
struct ConfigSources {
    std::filesystem::path main = "/etc/fogline/fogline.toml";  // may be absent
    std::filesystem::path folder;  // of conf.d, rules.d ...; empty: where main is
    std::vector<std::pair<std::string, std::string>> environment;  // names as in the process
    std::vector<std::string> sets;                                 // "http.port=0"
};

struct LoadedConfig {
    Config config;
    std::vector<Fault> faults;         // of the main layers: do not start with these
    std::vector<Fault> object_faults;  // of single files in object folders: those are left out
    bool good() const;                 // no errors in `faults`
};

/// Reads and checks everything, collects all faults. Thread: any. Blocks: reading files. Opens
/// nothing but files of the configuration, writes nothing.
LoadedConfig load_config(const ConfigSources& sources);

/// Extra check of one object by its kind ("uplink", "port", "source", "rule", "device"); adds
/// faults.
using ObjectCheck =
    std::function<void(std::string_view kind, const ObjectConfig& object, std::vector<Fault>&)>;

/// What `foglined --check-config` and `fogctl config check` print, in order of file and place.
struct ConfigReport {
    std::vector<Fault> faults;
    bool missing = false;  // the path named does not exist
    // As read: whether its files fit together is for others to see.
    std::optional<MqttTlsSection> tls = std::nullopt;
};
/// `path`: a folder (its fogline.toml and everything beside it), a main file, or one file of an
/// object folder. Free of side effects.
ConfigReport check_config(const std::filesystem::path& path, const ObjectCheck& check = {});

std::string report_text(const ConfigReport& report);  // one fault after the other, with help lines
std::string report_json(const ConfigReport& report);  // [{"file","line","column","code",...}]

/// Exit codes of all our programs (sysexits.h where it has one).
enum class Exit : int {
    good = 0,
    warnings = 1,
    usage = 64,
    no_input = 66,
    unavailable = 69,
    internal = 70,
    cannot_create = 73,
    io = 74,
    again = 75,
    denied = 77,
    config = 78,
};
Exit exit_code(const ConfigReport& report, bool strict);

/// Environment of this process, for ConfigSources.
std::vector<std::pair<std::string, std::string>> process_environment();

/// One object file: TOML text to object. `file` is the name for marks; the id is its stem.
/// Nothing = faults were added.
std::optional<ObjectConfig> parse_object(std::string_view text, const std::filesystem::path& file,
                                         std::vector<Fault>& faults);

inline constexpr std::string_view kManagedLine = "# managed by fogline";

}  // namespace fog
