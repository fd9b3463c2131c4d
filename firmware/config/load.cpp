#include "firmware/config/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>
#include <tuple>

#include "firmware/config/json.hpp"
#include "firmware/config/layers.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/core/crc32c.hpp"
#include "firmware/core/text.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostBytes = 4U << 20U;
constexpr std::size_t kMostFiles = 2'000;  // of one folder

void file_fault(std::vector<Fault>& faults, const fs::path& file, std::string detail,
                std::string hint = {}) {
    faults.push_back(
        {"E0023", "", {file.string(), 0, 0}, std::move(detail), std::move(hint), false});
}

std::optional<std::string> read_text(const fs::path& file, std::vector<Fault>& faults) {
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    if (!error && !fs::is_regular_file(status)) {
        file_fault(faults, file, "is not a file");
        return std::nullopt;
    }
    if (!error && fs::file_size(file, error) > kMostBytes) {
        file_fault(faults, file, "is larger than 4 MiB");
        return std::nullopt;
    }
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    std::string text;
    if (in) text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in || in.bad()) {
        const int why = errno != 0 ? errno : EIO;
        file_fault(faults, file, "cannot be read: " + std::generic_category().message(why),
                   why == EACCES ? "it must be readable by the user of the daemon" : "");
        return std::nullopt;
    }
    return text;
}

// The .toml files of a folder in byte order of their names; a missing folder is an empty one.
std::vector<fs::path> toml_files(const fs::path& folder, std::vector<Fault>& faults) {
    std::vector<fs::path> files;
    std::error_code error;
    fs::directory_iterator at(folder, error);
    if (error) {
        if (error != std::errc::no_such_file_or_directory)
            file_fault(faults, folder, "cannot be read: " + error.message());
        return files;
    }
    for (; at != fs::directory_iterator(); at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (name.starts_with('.') || !name.ends_with(".toml")) continue;
        files.push_back(at->path());
        if (error) break;
    }
    std::sort(files.begin(), files.end());
    if (files.size() > kMostFiles) {
        file_fault(faults, folder, "has more than 2000 files; the rest is left out");
        files.resize(kMostFiles);
    }
    return files;
}

// A path that may not be looked at is there: reading it will say why it fails.
bool is_missing(const fs::path& path) {
    std::error_code error;
    return fs::status(path, error).type() == fs::file_type::not_found;
}

// http.port -> FOGLINE_HTTP__PORT
std::string environment_name(std::string_view path) {
    std::string out = "FOGLINE_";
    for (const char c : path) {
        if (c == '.')
            out += "__";
        else
            out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return out;
}

struct Folder {
    std::string_view name;
    std::string_view kind;
    std::vector<ObjectConfig> Config::*list;
};
constexpr std::array<Folder, 4> kFolders = {{{"uplinks.d", "uplink", &Config::uplinks},
                                             {"ports.d", "port", &Config::ports},
                                             {"rules.d", "rule", &Config::rules},
                                             {"devices.d", "device", &Config::devices}}};

void read_folder(const fs::path& path, std::vector<ObjectConfig>& list,
                 std::vector<Fault>& faults) {
    for (const fs::path& file : toml_files(path, faults)) {
        const auto text = read_text(file, faults);
        if (!text) continue;
        auto object = parse_object(*text, file, faults);
        if (!object) continue;
        const auto twin = std::find_if(list.begin(), list.end(), [&](const ObjectConfig& other) {
            return other.id == object->id;
        });
        if (twin == list.end()) {
            list.push_back(std::move(*object));
            continue;
        }
        faults.push_back({"E0020",
                          "",
                          {file.string(), 1, 1},
                          "id '" + object->id + "' is here and at " + twin->file + ":" +
                              std::to_string(twin->node.mark.line),
                          "rename this file or remove the other",
                          false});
    }
}

void apply_settings(Node& merged, const ConfigSources& sources, std::vector<Fault>& faults) {
    for (const auto& [path, value] : environment_settings(sources.environment))
        set_by_path(merged, path, value, environment_name(path), faults);
    for (const std::string& set : sources.sets) {
        const std::size_t equals = set.find('=');
        if (equals == std::string::npos) {
            faults.push_back({"E0024",
                              "",
                              {"--set " + set, 0, 0},
                              "has no '='",
                              "--set section.key=value",
                              false});
            continue;
        }
        const std::string path(trim(std::string_view(set).substr(0, equals)));
        set_by_path(merged, path, trim(std::string_view(set).substr(equals + 1)), "--set " + path,
                    faults);
    }
}

void check_objects(const Config& config, const ObjectCheck& check, std::vector<Fault>& faults) {
    if (!check) return;
    for (const ObjectConfig& source : config.mqtt_sources) check("source", source, faults);
    for (const Folder& folder : kFolders) {
        for (const ObjectConfig& object : config.*folder.list) check(folder.kind, object, faults);
    }
}

bool is_secret(std::string_view key) {
    for (const std::string_view word : {"password", "passphrase", "secret", "token", "claim_code"})
        if (key.find(word) != std::string_view::npos) return true;
    return false;
}

void leave_out_secrets(Node& node) {
    if (Node::Array* items = node.array())
        for (Node& item : *items) leave_out_secrets(item);
    Node::Table* members = node.table();
    if (members == nullptr) return;
    for (auto& [key, value] : *members) {
        if (is_secret(key))
            value = Node();
        else
            leave_out_secrets(value);
    }
}

std::uint32_t add_to_hash(Node node, std::uint32_t hash) {
    leave_out_secrets(node);
    const std::string text = write_json(node);
    return crc32c(std::as_bytes(std::span(text.data(), text.size())), hash);
}

std::string hash_of(const Node& merged, const Config& config) {
    std::uint32_t hash = add_to_hash(merged, 0);
    for (const auto* list : {&config.uplinks, &config.ports, &config.devices})
        for (const ObjectConfig& object : *list) {
            hash = crc32c(std::as_bytes(std::span(object.id.data(), object.id.size())), hash);
            hash = add_to_hash(object.node, hash);
        }
    std::string out;
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[(hash >> shift) & 0xFU];
    return out;
}

}  // namespace

bool LoadedConfig::good() const {
    return std::all_of(faults.begin(), faults.end(), [](const Fault& f) { return f.warning; });
}

std::optional<ObjectConfig> parse_object(std::string_view text, const fs::path& file,
                                         std::vector<Fault>& faults) {
    ObjectConfig object;
    object.id = file.stem().string();
    object.file = file.string();
    object.managed = text.substr(0, text.find('\n')).starts_with(kManagedLine);
    if (!valid_object_id(object.id)) {
        faults.push_back({"E0022",
                          "",
                          {object.file, 1, 1},
                          "file name '" + object.id + "' is not an id",
                          "lower-case letters, digits and '-', at most 63",
                          false});
        return std::nullopt;
    }
    auto node = parse_toml(text, object.file, faults);
    if (!node) return std::nullopt;
    if (const Node* id = node->find("id")) {
        Mark at = id->mark;
        if (id->key_column != 0) at.column = id->key_column;
        faults.push_back({"E0022", id->pointer, std::move(at),
                          "the file name is the id; 'id' does not belong inside",
                          "remove this line, or rename the file", false});
        return std::nullopt;
    }
    object.node = std::move(*node);
    return object;
}

LoadedConfig load_config(const ConfigSources& sources) {
    LoadedConfig out;
    const fs::path folder = sources.folder.empty() ? sources.main.parent_path() : sources.folder;
    Node merged{Node::Data(Node::Table{})};
    std::vector<fs::path> files;
    if (!is_missing(sources.main)) files.push_back(sources.main);
    for (fs::path& file : toml_files(folder / "conf.d", out.faults))
        files.push_back(std::move(file));
    for (const fs::path& file : files) {
        const auto text = read_text(file, out.faults);
        if (!text) continue;
        if (auto node = parse_toml(*text, file.string(), out.faults))
            merge_layer(merged, std::move(*node), out.faults);
    }
    apply_settings(merged, sources, out.faults);
    out.config = read_config(merged, out.faults);
    for (const Folder& one : kFolders)
        read_folder(folder / one.name, out.config.*one.list, out.object_faults);
    out.config.hash = hash_of(merged, out.config);
    return out;
}

ConfigReport check_config(const fs::path& path, const ObjectCheck& check) {
    ConfigReport report;
    std::error_code ignored;
    if (is_missing(path)) {
        report.missing = true;
        file_fault(report.faults, path, "no such file or directory");
        return report;
    }
    const bool is_folder = fs::is_directory(path, ignored);
    const std::string parent = fs::absolute(path, ignored).parent_path().filename().string();
    const auto* const folder = std::find_if(kFolders.begin(), kFolders.end(),
                                            [&](const Folder& one) { return one.name == parent; });
    if (!is_folder && folder != kFolders.end()) {
        if (const auto text = read_text(path, report.faults)) {
            const auto object = parse_object(*text, path, report.faults);
            if (object && check) check(folder->kind, *object, report.faults);
        }
    } else {
        ConfigSources sources;
        sources.main = is_folder ? path / "fogline.toml" : path;
        LoadedConfig loaded = load_config(sources);
        report.faults = std::move(loaded.faults);
        std::move(loaded.object_faults.begin(), loaded.object_faults.end(),
                  std::back_inserter(report.faults));
        check_objects(loaded.config, check, report.faults);
        if (loaded.config.mqtt_listener) report.tls = loaded.config.mqtt_listener->tls;
    }
    std::stable_sort(report.faults.begin(), report.faults.end(),
                     [](const Fault& a, const Fault& b) {
                         return std::tie(a.mark.file, a.mark.line, a.mark.column) <
                                std::tie(b.mark.file, b.mark.line, b.mark.column);
                     });
    return report;
}

std::string report_text(const ConfigReport& report) {
    std::string out;
    for (const Fault& fault : report.faults) out += to_text(fault) + "\n";
    return out;
}

std::string report_json(const ConfigReport& report) {
    std::string out = "[";
    for (const Fault& fault : report.faults) {
        if (out.size() > 1) out += ',';
        out += "{\"file\":";
        append_json_string(out, fault.mark.file);
        out += ",\"line\":" + std::to_string(fault.mark.line) +
               ",\"column\":" + std::to_string(fault.mark.column) + ",\"pointer\":";
        append_json_string(out, fault.pointer);
        out += ",\"code\":";
        append_json_string(out, fault.code);
        out += fault.warning ? ",\"severity\":\"warning\"" : ",\"severity\":\"error\"";
        out += ",\"detail\":";
        append_json_string(out, fault.detail);
        if (!fault.hint.empty()) {
            out += ",\"hint\":";
            append_json_string(out, fault.hint);
        }
        out += '}';
    }
    return out + "]";
}

Exit exit_code(const ConfigReport& report, bool strict) {
    if (report.missing) return Exit::no_input;
    bool warned = false;
    for (const Fault& fault : report.faults) {
        if (!fault.warning) return Exit::config;
        warned = true;
    }
    return warned && strict ? Exit::warnings : Exit::good;
}

std::vector<std::pair<std::string, std::string>> process_environment() {
    std::vector<std::pair<std::string, std::string>> out;
    for (char** at = ::environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view entry(*at);
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        out.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return out;
}

}  // namespace fog
