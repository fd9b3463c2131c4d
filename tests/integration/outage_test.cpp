#include <doctest/doctest.h>

#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr int kPerSecond = 200;  // of scenario load-200

/// How long the cloud is away; FOG_OUTAGE_SECONDS for longer ones by hand.
std::chrono::seconds outage() {
    const char* asked = std::getenv("FOG_OUTAGE_SECONDS");
    return std::chrono::seconds(asked != nullptr ? std::strtol(asked, nullptr, 10) : 60);
}

/// 200 readings a second from a broker, forwarded to another one that keeps sessions over a
/// restart, where an outside recorder takes down what came.
struct Forwarding {
    Mosquitto devices;
    Mosquitto cloud{{.persistence = true, .extra = {"max_queued_bytes 0"}}};
    Gateway gateway;
    TempFolder folder;
    std::filesystem::path out = folder.path() / "run";
    Child far, load;

    Forwarding() {
        gateway.configure(mqtt_source(devices.url()));
        gateway.write("uplinks.d/cloud.toml",
                      "type = \"mqtt\"\nretry_max = \"2 s\"\nurl = \"" + cloud.url() + "\"\n");
        std::filesystem::create_directories(out);
    }
    void begin() {
        gateway.start();
        far = Child({FOG_BIN_DIR "/fogsim", "far", "mqtt", "--url", cloud.url(), "--topic",
                     "fogline/+/+/+", "--out", out / "far-cloud.jsonl"},
                    out / "far.txt");
        REQUIRE(eventually([this] {
            return cloud.log_text().find("as fogsim-far") != std::string::npos &&
                   uplink().value("connected", false) && source_up();
        }));
        load = Child({FOG_BIN_DIR "/fogsim", "run", "load-200", "--mqtt", devices.url(), "--out",
                      out, "--quiet"},
                     out / "load.txt");
        REQUIRE_MESSAGE(eventually([this] { return arrived() > kPerSecond; }),
                        text_of(out / "load.txt"), text_of(out / "far.txt"));
    }
    void end_load() {
        load.signal(SIGINT);
        CHECK_MESSAGE(load.wait() == 0, text_of(out / "load.txt"));
    }
    void end_far() {
        far.signal(SIGINT);
        CHECK_MESSAGE(far.wait() == 0, text_of(out / "far.txt"));
    }

    Json uplink() const { return gateway.get("/api/v1/uplinks/cloud").json(); }
    Json ledger() const { return gateway.get("/api/v1/uplinks/cloud/ledger").json(); }
    std::uint64_t waiting() const { return uplink().value("waiting", std::uint64_t{0}); }
    std::ptrdiff_t arrived() const {
        return std::ranges::count(text_of(out / "far-cloud.jsonl"), '\n');
    }
    bool source_up() const {
        const Json status = gateway.get("/api/v1/status").json();
        return std::ranges::any_of(status["links"], [](const Json& link) {
            return link["id"] == "mqtt:devices" && link["up"] == true;
        });
    }
};

}  // namespace

TEST_CASE("outage: a cloud away for a minute loses nothing and gets each device's order") {
    if (!Mosquitto::available()) {
        MESSAGE("skipped: mosquitto is not installed");
        return;
    }
    Forwarding site;
    site.begin();

    site.cloud.stop();
    const auto enough = static_cast<std::uint64_t>(kPerSecond * outage().count());
    // The backlog is the clock: it has what a minute brings when the minute is over.
    REQUIRE(eventually([&] { return site.waiting() >= enough; }, 3 * outage() + 10s));
    CHECK(site.uplink().value("connected", true) == false);
    CHECK(site.ledger().value("exact", false));
    site.cloud.start();

    // Under load until the backlog is gone: what a second brought waits for the commit that
    // notes its acknowledgements, one second later.
    const auto before = site.arrived();
    REQUIRE_MESSAGE(eventually([&] { return site.waiting() < 3 * kPerSecond; }, 60s),
                    site.uplink().dump(1), site.gateway.log());
    CHECK(site.arrived() > before);
    site.end_load();
    const auto drained = eventually([&] { return site.waiting() == 0; });
    const Json books = site.ledger();
    REQUIRE_MESSAGE(drained, books.dump());
    CHECK(books.value("exact", false));
    const auto acknowledged = books["sum"].value("acknowledged", std::ptrdiff_t{0});
    CHECK(books["sum"]["accepted"] == acknowledged);
    CHECK(books["sum"]["shed"] == 0);
    CHECK(books["sum"]["expired"] == 0);
    // What the broker acknowledged it still owes the recorder.
    eventually([&] { return site.arrived() >= acknowledged; });
    site.end_far();

    std::ofstream(site.out / "ledger-cloud.json") << books.dump();
    const auto verdict = run_program({FOG_BIN_DIR "/fogsim", "check", site.out});
    const Json report = Json::parse(text_of(site.out / "report.json"), nullptr, false);
    CHECK_MESSAGE(verdict == 0, report.dump(1));
    MESSAGE("outage of " << outage().count() << " s: backlog " << enough << " and more, accepted "
                         << books["sum"]["accepted"] << ", acknowledged " << acknowledged
                         << ", recorded " << site.arrived());
}
