#include <doctest/doctest.h>

#include <algorithm>

#include "drivers/link/link.hpp"
#include "firmware/core/text.hpp"

using namespace fog;

namespace {

Node config_of(std::initializer_list<std::pair<const char*, Node::Data>> members) {
    Node node;
    for (const auto& [key, value] : members) node.set(key, {}).data = value;
    return node;
}

std::string first_fault(const Node& config) {
    SystemClock clock;
    std::vector<Fault> faults;
    const auto link = make_link(config, clock, faults);
    CHECK_FALSE(link);
    return faults.empty() ? "" : to_text(faults.front());
}

}  // namespace

TEST_CASE("make_link: type, id and port are enough") {
    SystemClock clock;
    std::vector<Fault> faults;
    for (const char* type : {"line_ascii", "nanopb_frame"}) {
        const auto link = make_link(config_of({{"type", std::string(type)},
                                               {"id", std::string("scale-1")},
                                               {"port", std::string("/dev/ttyUSB0")}}),
                                    clock, faults);
        REQUIRE(link);
        CHECK((*link)->health().words == "not started");
    }
    CHECK(faults.empty());
}

TEST_CASE("make_link: faults name the key and offer help") {
    const std::string id = "scale-1", port = "/dev/ttyUSB0", type = "line_ascii";
    CHECK(first_fault(config_of({{"type", std::string("line_asci")}, {"id", id}, {"port", port}}))
              .find("did you mean 'line_ascii'") != std::string::npos);
    CHECK(first_fault(config_of({{"type", type}, {"id", id}})).find("port") != std::string::npos);
    CHECK(first_fault(config_of({{"type", type}, {"id", std::string("Scale 1")}, {"port", port}}))
              .find("'scale-1' would be one") != std::string::npos);
    CHECK(first_fault(
              config_of({{"type", type}, {"id", id}, {"port", port}, {"boud", std::int64_t{9600}}}))
              .find("did you mean") != std::string::npos);
}
