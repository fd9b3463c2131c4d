#include "cloud-uplink/pump/selection.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kGlobBytes = 160;
constexpr std::size_t kGlobs = 256;
constexpr std::array kKinds = {EventKind::alarm, EventKind::device, EventKind::command,
                               EventKind::rule,  EventKind::uplink, EventKind::system,
                               EventKind::app,   EventKind::raw};
// The link's own state would travel over the link, app and raw traffic belongs to local programs.
constexpr std::array kUsual = {EventKind::alarm, EventKind::device, EventKind::command,
                               EventKind::rule, EventKind::system};

constexpr std::uint16_t bit(EventKind kind) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(kind));
}

bool any_matches(const std::vector<std::string>& globs, std::string_view text) {
    return std::any_of(globs.begin(), globs.end(),
                       [text](const std::string& glob) { return glob_matches(glob, text); });
}

std::vector<std::string> read_globs(ConfigView& config, std::string_view key) {
    auto globs = config.texts(key);
    if (globs.size() > kGlobs)
        config.fault(key, "E0403", "'" + std::string(key) + "' has more than 256 entries");
    for (const auto& glob : globs) {
        if (glob.empty() || glob.size() > kGlobBytes)
            config.fault(key, "E0403",
                         "'" + std::string(key) + "' has an entry that is empty or longer than " +
                             std::to_string(kGlobBytes) + " bytes");
        else if (glob.find_first_of("#+[]") != std::string::npos)
            config.fault(key, "E0403", "'" + glob + "' is not a glob",
                         "use * for any characters and ? for one");
    }
    return globs;
}

/// A list of words, each one of `all`; an empty answer means the key is absent.
template <class Word, class All>
std::vector<Word> read_words(ConfigView& config, std::string_view key, const All& all) {
    std::vector<Word> out;
    std::vector<std::string_view> names;
    for (const Word word : all) names.push_back(to_text(word));
    for (const auto& text : config.texts(key)) {
        const auto found = std::find(names.begin(), names.end(), text);
        if (found != names.end()) {
            out.push_back(all[static_cast<std::size_t>(found - names.begin())]);
            continue;
        }
        std::string list;
        for (const auto name : names) list.append(list.empty() ? "" : ", ").append(name);
        const auto near = nearest(text, names);
        config.fault(key, "E0403",
                     "'" + std::string(key) + "' names '" + text + "', allowed are " + list,
                     near ? "did you mean '" + std::string(*near) + "'?" : "");
    }
    return out;
}

}  // namespace

Selection Selection::read(ConfigView& config) {
    static constexpr std::array kAllLanes = {Lane::alarm, Lane::reply, Lane::live, Lane::bulk};
    Selection out;
    const auto lanes = read_words<Lane>(config, "lanes", kAllLanes);
    if (config.has("lanes")) out.lanes_ = 0;
    for (const Lane lane : lanes)
        out.lanes_ = static_cast<std::uint8_t>(out.lanes_ | (1U << static_cast<unsigned>(lane)));
    const auto kinds = read_words<EventKind>(config, "events", kKinds);
    if (!config.has("events"))
        for (const EventKind kind : kUsual) out.events_ |= bit(kind);
    for (const EventKind kind : kinds) out.events_ |= bit(kind);
    out.devices_ = read_globs(config, "devices");
    out.points_ = read_globs(config, "points");
    out.exclude_ = read_globs(config, "exclude");
    out.diagnostics_ = config.flag("diagnostics", false);
    out.simulated_ = config.flag("simulated", false);
    return out;
}

bool Selection::takes_device(std::string_view device) const {
    return (devices_.empty() || any_matches(devices_, device)) && !any_matches(exclude_, device);
}

bool Selection::takes_point(const PointInfo& point) const {
    if (point.diagnostic && !diagnostics_) return false;
    if (!takes_device(point.device)) return false;
    if (points_.empty() && exclude_.empty()) return true;
    const std::string path = point.device + "/" + point.point;
    return (points_.empty() || any_matches(points_, path)) && !any_matches(exclude_, path);
}

bool Selection::takes(const Record& record, const PointInfo* point) const {
    const auto flags = record.is_sample() ? record.sample().flags : record.event().flags;
    if (!takes_lane(record.lane) || ((flags & flag::kSimulated) != 0 && !simulated_)) return false;
    if (!record.is_sample()) {
        const Event& event = record.event();
        return (events_ & bit(event.kind)) != 0 && takes_device(event.device);
    }
    if (point != nullptr) return takes_point(*point);
    return devices_.empty() && points_.empty() && exclude_.empty();
}

}  // namespace fog
