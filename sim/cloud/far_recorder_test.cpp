#include "sim/cloud/far_recorder.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "firmware/io/files.hpp"
#include "sim/cloud/facts.hpp"
#include "tests/support/child.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("far recorder: records become lines, other messages are kept apart") {
    const TempFolder folder;
    const auto file = folder.path() / "far-cloud.jsonl";
    auto recorder = FarRecorder::open(file, "cloud");
    REQUIRE(recorder);
    recorder->take(
        "t",
        R"([{"gw":"g","seq":1,"dev":"d","pt":"p","v":1.5},{"gw":"g","seq":2,"dev":"d","pt":"p","v":2}])");
    recorder->take("status", "online");
    CHECK(recorder->records() == 2);
    CHECK(recorder->others() == 1);
    const auto far = read_far_file(file);
    REQUIRE(far);
    CHECK(far->sink == "cloud");
    CHECK(far->arrivals.size() == 2);
    CHECK(far->bad_lines == 0);
    CHECK(far->arrivals[1].value == "2");
}

TEST_CASE("far mqtt: records what a real broker delivers, across a restart of the broker") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    Mosquitto broker({.persistence = true});
    const TempFolder folder;
    auto recorder = FarRecorder::open(folder.path() / "far.jsonl", "cloud");
    REQUIRE(recorder);
    FarMqtt far({.url = broker.url()}, *recorder);
    std::thread thread([&far] { CHECK(far.run()); });
    const auto publish = [&broker](const std::string& seq) {
        return run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t",
                            "cloud/x", "-m",
                            R"({"gw":"g","dev":"d","pt":"p","v":1,"seq":)" + seq + "}"});
    };
    CHECK(eventually([&] { return far.subscribed(); }, 10s));
    CHECK(publish("1") == 0);
    CHECK(eventually([&] { return recorder->records() == 1; }, 10s));
    broker.restart();
    CHECK(publish("2") == 0);  // perhaps before it is back: the session keeps it
    CHECK(eventually([&] { return recorder->records() == 2; }, 15s));
    far.stop();
    thread.join();
}

}  // namespace
}  // namespace fog::sim
