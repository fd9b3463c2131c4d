#include "sim/world/sensor_fault.hpp"

#include <doctest/doctest.h>

#include <map>

#include "sim/world/make_node.hpp"
#include "sim/world/world.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

/// Two points of one device at 1 Hz for a minute, with faults.
std::vector<Report> reports(std::vector<Node> faults, std::uint64_t seed = 7) {
    for (Node& fault : faults) fault.set("on", text("device/d"));
    const Node root =
        table({{"name", text("test")},
               {"duration", text("60 s")},
               {"fault", list(std::move(faults))},
               {"device",
                list({table(
                    {{"id", text("d")},
                     {"personality", text("mqtt.json")},
                     {"interval", text("1 s")},
                     {"point",
                      table({{"a", table({{"signal", table({{"ramp", list({number(0), number(60)})},
                                                            {"over", text("60 s")}})}})},
                             {"b", table({{"signal", number(100)}})}})}})})}});
    std::vector<Fault> problems;
    Scenario scenario = parse_scenario(root, {seed, {}}, problems);
    for (const Fault& fault : problems) FAIL_CHECK(to_text(fault));
    World world(std::move(scenario));
    std::vector<Report> out;
    while (world.next_due()) out.push_back(world.next());
    return out;
}

Node fault(const char* kind, std::initializer_list<Node::Member> more = {}) {
    Node node = table({{"kind", text(kind)}, {"at", text("10 s")}, {"for", text("10 s")}});
    for (const auto& [key, value] : more) node.set(key, value);
    return node;
}

double a_of(const Report& report) {
    return std::get<double>(report.points.at(0).value);
}

TEST_CASE("sensor fault: numbers are changed within the fault's time and nowhere else") {
    const struct {
        Node node;
        double expected;  // of point a at 15 s
    } rows[] = {{fault("bias", {{"amount", number(5)}}), 20},
                {fault("gain", {{"factor", number(2)}}), 30},
                {fault("stuck"), 10},
                {fault("saturate", {{"max", number(12)}}), 12},
                {fault("quantise", {{"step", number(4)}}), 16},
                {fault("drift", {{"per_hour", number(3'600)}}), 20},
                {fault("wrong_unit"), 59},
                {fault("invalid_code"), -9'999},
                {fault("impulse", {{"amount", number(50)}, {"probability", number(1)}}), 65}};
    for (const auto& row : rows) {
        CAPTURE(*row.node.find("kind")->string());
        const auto got = reports({row.node});
        REQUIRE(got.size() == 60);
        CHECK(a_of(got[15]) == doctest::Approx(row.expected));
        CHECK(a_of(got[9]) == 9);
        CHECK(a_of(got[20]) == 20);
    }
    CHECK(a_of(reports({fault("noise", {{"sigma", number(3)}})})[15]) != 15);
}

TEST_CASE("sensor fault: a point is picked, two are swapped, values are no values") {
    const auto one = reports({fault("bias", {{"amount", number(5)}, {"point", text("b")}})});
    CHECK(a_of(one[15]) == 15);
    CHECK(std::get<double>(one[15].points[1].value) == 105);
    const auto swapped = reports({fault("swap", {{"point", text("a")}, {"with", text("b")}})});
    CHECK(a_of(swapped[15]) == 100);
    CHECK(std::get<double>(swapped[15].points[1].value) == 15);
    const auto odd = reports({fault("nan", {{"point", text("a")}})});
    CHECK(odd[15].points[0].odd);
    CHECK(std::get<std::string>(odd[15].points[0].value) == "NaN");
    CHECK_FALSE(odd[15].points[1].odd);
    CHECK(is_null(reports({fault("null")})[15].points[1].value));
}

TEST_CASE("sensor fault: reports go missing, come together, come twice, come faster") {
    const auto dropped = reports({fault("dropout", {{"probability", number(1)}})});
    CHECK(dropped[15].fate == Fate::missed);
    CHECK(dropped[20].fate == Fate::sent);

    const auto held = reports({fault("late_batch")});
    CHECK(held.size() == 70);
    std::vector<SimTime> late;
    for (std::size_t i = 20; i < 30; ++i) late.push_back(held[i].at);
    CHECK(held[15].fate == Fate::held);
    CHECK(held[20].fate == Fate::sent);
    CHECK(late.front() == 10s);
    CHECK(late.back() == 19s);
    CHECK(held[30].at == 20s);
    CHECK(held[20].id == held[10].id);

    const auto twice = reports({fault("duplicate_id")});
    CHECK(twice.size() == 70);
    CHECK(twice[10].id == twice[11].id);
    CHECK(reports({fault("burst", {{"factor", whole(5)}})}).size() == 100);
}

TEST_CASE("sensor fault: random onsets follow seed and rate, and leave other draws alone") {
    Node random = table({{"kind", text("bias")},
                         {"amount", number(1'000)},
                         {"rate", number(360)},
                         {"for", text("2 s")}});
    const auto struck = [&random](std::uint64_t seed) {
        std::string out;
        for (const Report& report : reports({random}, seed)) out += a_of(report) > 500 ? '1' : '0';
        return out;
    };
    CHECK(struck(7) == struck(7));
    CHECK(struck(7) != struck(8));
    CHECK(struck(7).find('1') != std::string::npos);
}

}  // namespace
}  // namespace fog::sim
