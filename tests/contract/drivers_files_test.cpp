#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "drivers/driver.hpp"
#include "drivers/link/link.hpp"
#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/io/files.hpp"

// What every driver folder must have beside its code.

using namespace fog;

namespace {

std::filesystem::path folder_of(const DriverInfo& info) {
    return std::filesystem::path(FOG_SOURCE_DIR) / "drivers" / info.name;
}

/// Keys of a ports.d object that belong to the link, not to the driver.
const std::set<std::string, std::less<>> kLinkKeys = {
    "type", "id", "port", "baud", "data_bits", "parity", "stop_bits", "flow", "low_latency"};

void check_keys(const Node& value, const Node& schema, const std::string& where) {
    const Node* properties = schema.find("properties");
    if (value.is_array() && schema.find("items") != nullptr) {
        for (const Node& item : *value.array()) check_keys(item, *schema.find("items"), where);
    } else if (value.is_table() && properties != nullptr) {
        for (const auto& [key, member] : *value.table()) {
            if (where.empty() && kLinkKeys.contains(key)) continue;
            const std::string place = where + "/" + key;
            CAPTURE(place);
            const Node* known = properties->find(key);
            CHECK(known != nullptr);
            if (known != nullptr) check_keys(member, *known, place);
        }
    }
}

}  // namespace

TEST_CASE("drivers: each has a summary, a schema that is JSON, and exactly one maker") {
    REQUIRE(!all_drivers().empty());
    for (const DriverInfo* info : all_drivers()) {
        CAPTURE(info->name);
        CHECK_FALSE(info->summary.empty());
        std::vector<Fault> faults;
        const auto schema = parse_json(info->schema, faults);
        CHECK(schema);
        CHECK((info->make_codec != nullptr) + (info->make_poller != nullptr) +
                  (info->make_driver != nullptr) ==
              1);
    }
}

TEST_CASE("drivers: README and sample exist") {
    for (const DriverInfo* info : all_drivers()) {
        CAPTURE(info->name);
        CHECK(std::filesystem::exists(folder_of(*info) / "README.md"));
        CHECK(std::filesystem::exists(folder_of(*info) / "sample.toml"));
    }
}

TEST_CASE("drivers: the sample of each codec loads, and the schema knows all its keys") {
    const SystemClock clock;
    for (const DriverInfo* info : all_drivers()) {
        if (info->make_codec == nullptr) continue;
        CAPTURE(info->name);
        const auto text = read_file(folder_of(*info) / "sample.toml");
        REQUIRE(text);
        std::vector<Fault> faults;
        const auto config = parse_toml(*text, "sample.toml", faults);
        REQUIRE(config);
        CHECK(make_link(*config, clock, faults));
        for (const Fault& fault : faults) FAIL_CHECK(to_text(fault));
        const auto schema = parse_json(info->schema, faults);
        REQUIRE(schema);
        check_keys(*config, *schema, "");
    }
}
