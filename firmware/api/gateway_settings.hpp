#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "firmware/core/guarded.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// Name and time zone of the gateway as people set them on the page: a layer below the
/// configuration, kept in the state folder. What a file says wins and cannot be set here.
/// Thread: get() any; put() fog-api, writers take turns. Blocks: put() on the disk.
class GatewaySettings {
public:
    struct Values {
        std::string name;
        std::string time_zone;    // IANA, "" = not set: UTC is shown
        bool name_fixed = false;  // by the configuration
        std::string etag;         // strong, with quotes
    };
    struct Options {
        std::filesystem::path file;  // <state>/gateway.json
        std::string configured;      // name of the configuration, "" = none
        std::string fallback;        // where nobody set one: the host's name
    };
    /// A file that does not parse counts as absent, with a word in the log.
    explicit GatewaySettings(Options options);

    std::shared_ptr<const Values> get() const { return values_.get(); }
    /// Fails: conflict (`if_match` is stale; the name is fixed), bad_request, storage_error.
    Result<void> put(std::string_view name, std::string_view time_zone, std::string_view if_match);

    static bool valid_name(std::string_view name);
    static bool valid_time_zone(std::string_view zone);

private:
    Values make(std::string name, std::string zone) const;

    const Options options_;
    Snapshot<Values> values_;
    struct Turn {};
    Guarded<Turn> turn_;
};

}  // namespace fog
