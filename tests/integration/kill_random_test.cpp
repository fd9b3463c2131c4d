#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

/// How long the gateway is shot at; FOG_KILL_SECONDS for longer ones by hand.
std::string duration() {
    const char* asked = std::getenv("FOG_KILL_SECONDS");
    return std::string(asked != nullptr ? asked : "20") + " s";
}

std::size_t count(const std::string& text, std::string_view words) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(words, at)) != std::string::npos; at += words.size())
        ++n;
    return n;
}

}  // namespace

TEST_CASE("kill-random: killed, stopped and restarted, a gateway loses nothing it acknowledged") {
    const std::uint16_t port = free_port(), far = free_port();
    Gateway gateway;
    gateway.write("fogline.toml", "[http]\nlisten = [\"127.0.0.1\"]\nport = " +
                                      std::to_string(port) + "\n[mqtt.listener]\nport = 0\n");
    gateway.write("uplinks.d/cloud.toml",
                  "type = \"mqtt\"\nretry_min = \"100 ms\"\nretry_max = \"500 ms\"\nurl = "
                  "\"mqtt://127.0.0.1:" +
                      std::to_string(far) + "\"\n");
    gateway.start();  // for the token; the run starts it again by itself
    REQUIRE(gateway.stop() == 0);

    const TempFolder folder;
    const auto out = folder.path() / "run";
    std::filesystem::create_directories(out);
    Child cloud({FOG_BIN_DIR "/fogsim", "far", "mqtt", "--listen", std::to_string(far), "--out",
                 out / "far-cloud.jsonl"},
                folder.path() / "far");
    std::vector<std::string> words = {FOG_BIN_DIR "/fogsim",
                                      "run",
                                      "kill-random",
                                      "--set",
                                      "duration=" + duration(),
                                      "--http",
                                      gateway.url(),
                                      "--http-token",
                                      gateway.token(),
                                      "--out",
                                      out,
                                      "--quiet",
                                      "--gateway-program",
                                      FOG_BIN_DIR "/foglined"};
    for (const std::string& word :
         {std::string("--config"), gateway.config().string(), std::string("--state"),
          gateway.path("state").string(), std::string("--runtime"), gateway.path("run").string()})
        words.push_back("--gateway-arg=" + word);
    Child run(words, folder.path() / "printed");
    REQUIRE_MESSAGE(run.wait(600s) == 0, text_of(folder.path() / "printed"));

    const std::string ledger = text_of(out / "ledger.jsonl");
    const auto faults = count(ledger, R"("dev":"gateway","state":"begin")");
    CHECK(faults >= 3);
    CHECK(count(ledger, R"("kind":"kill9","dev":"gateway","state":"begin")") >= 2);

    gateway.start();  // what is still on the way, and its books
    const auto books = [&gateway] { return gateway.get("/api/v1/uplinks/cloud/ledger"); };
    const bool drained = eventually(
        [&books] {
            const Json lanes = books().json()["lanes"];
            return lanes.is_object() && std::ranges::all_of(lanes, [](const Json& lane) {
                       return lane["waiting"] == 0;
                   });
        },
        30s);
    REQUIRE_MESSAGE(drained, books().body);
    std::ofstream(out / "ledger-cloud.json") << books().body;
    REQUIRE(gateway.stop() == 0);
    cloud.signal(SIGINT);
    CHECK(cloud.wait() == 0);
    Child check({FOG_BIN_DIR "/fogsim", "check", out, "--json"}, folder.path() / "checked");
    const auto code = check.wait(60s);
    const Json report = Json::parse(text_of(folder.path() / "checked"), nullptr, false);
    REQUIRE_MESSAGE(code == 0, text_of(folder.path() / "checked"));
    const Json& sink = report["sinks"][0];
    CHECK(sink["lost"] == 0);
    CHECK(sink["total"]["acked"] > 300);
    CHECK(sink["total"]["arrived"] > 300);
    MESSAGE("faults " << faults << ", acknowledged " << sink["total"]["acked"]
                      << ", at the far side " << sink["total"]["arrived"] << ", lost "
                      << sink["lost"]);
}
