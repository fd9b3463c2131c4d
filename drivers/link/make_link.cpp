#include <algorithm>

#include "drivers/link/link.hpp"
#include "firmware/core/text.hpp"

namespace fog {

namespace {

const DriverInfo* find_driver(std::string_view type) {
    const auto drivers = all_drivers();
    const auto found =
        std::ranges::find(drivers, type, [](const DriverInfo* one) { return one->name; });
    return found != drivers.end() ? *found : nullptr;
}

void unknown_type(ConfigView& config, const std::string& type) {
    std::vector<std::string_view> known;
    for (const DriverInfo* one : all_drivers()) known.push_back(one->name);
    const auto near = nearest(type, known);
    std::string all;
    for (const std::string_view name : known) all += (all.empty() ? "" : ", ") + std::string(name);
    config.fault("type", "E0302", "there is no driver '" + type + "'",
                 near ? "did you mean '" + std::string(*near) + "'?" : "known: " + all);
}

bool has_errors(const std::vector<Fault>& faults, std::size_t before) {
    return std::any_of(faults.begin() + static_cast<std::ptrdiff_t>(before), faults.end(),
                       [](const Fault& fault) { return !fault.warning; });
}

}  // namespace

Result<std::unique_ptr<Driver>> make_link(const Node& config, const Clock& clock,
                                          std::vector<Fault>& faults) {
    const std::size_t before = faults.size();
    ConfigView view(config, faults);
    const std::string type = view.required_text("type");
    std::string id = view.required_text("id");
    if (!id.empty() && device_slug(id) != id) {
        view.fault("id", "E0303", "'" + id + "' is not an id: small letters, digits and '-'",
                   "'" + device_slug(id) + "' would be one");
        id = device_slug(id);
    }
    (void)view.flag("simulated", false);  // of whoever takes the readings
    const DriverInfo* info = find_driver(type);
    if (info == nullptr) {
        if (!type.empty()) unknown_type(view, type);
        return Error{Errc::bad_config, "no such driver: '" + type + "'", {}};
    }
    std::unique_ptr<Driver> driver;
    if (info->make_codec != nullptr) {
        SerialSpec spec = read_serial_spec(view);
        auto codec = info->make_codec(view);
        driver = std::make_unique<CodecLink>(id, std::move(spec), std::move(codec), clock);
    } else if (info->make_driver != nullptr) {
        driver = info->make_driver(view);
    } else {
        view.fault("type", "E0302", "driver '" + type + "' needs a bus, not a port");
    }
    view.done();
    if (has_errors(faults, before) || driver == nullptr)
        return Error{Errc::bad_config, "link '" + id + "' has faults in its configuration", {}};
    return driver;
}

}  // namespace fog
