#include <doctest/doctest.h>

#include "firmware/io/files.hpp"
#include "firmware/io/http_client.hpp"
#include "sim/app/fogsim_process.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* kRecord = R"({"gw":"g","dev":"d","pt":"p","v":1,"seq":1})";

int publish(std::uint16_t port, const std::string& payload) {
    return run_program(
        {"mosquitto_pub", "-p", std::to_string(port), "-t", "x", "-q", "1", "-m", payload});
}

bool has(const std::filesystem::path& file, const std::string& text) {
    const auto got = read_file(file);
    return got && got->find(text) != std::string::npos;
}

TEST_CASE("fogsim far: is a broker or a web server, with faults from the command line") {
    const TempFolder folder;
    const auto file = folder.path() / "far.jsonl";
    const auto port = std::to_string(free_port());
    {
        Process far({"far", "http", "--listen", port, "--out", file, "--fault",
                     "status,code=503,retry_after=2 s,for=1 h"});
        auto client = HttpClient::open({.url = "http://127.0.0.1:" + port, .token = {}});
        Result<HttpAnswer> answer = Error{};
        CHECK(eventually(
            [&] {
                answer =
                    client->send({.method = "POST", .path = "/", .body = kRecord, .headers = {}});
                return answer.has_value();
            },
            10s));
        CHECK(answer->status == 503);
        CHECK(far.end(SIGTERM) == 0);
    }
    if (run_program({"mosquitto_pub", "--help"}) < 0) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Process far({"far", "mqtt", "--listen", port, "--out", file});
    CHECK(eventually(
        [&] { return publish(static_cast<std::uint16_t>(std::stoi(port)), kRecord) == 0; }, 10s));
    CHECK(has(file, "\"seq\":1"));
    CHECK(far.end(SIGTERM) == 0);
    CHECK(run_fogsim({"far", "mqtt"}) == 2);
    CHECK(run_fogsim({"far", "mqtt", "--listen", "0", "--fault", "no_akc"}) == 2);
    CHECK(run_fogsim({"far", "mqtt", "--listen", "0", "--fault", "hang"}) == 2);
}

TEST_CASE("fogsim run: serves the scenario's proxies and far sides, with their faults") {
    if (run_program({"mosquitto_pub", "--help"}) < 0) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    const TempFolder folder;
    const std::uint16_t cloud = free_port(), front = free_port();
    REQUIRE(write_file(folder.path() / "s.toml", R"(
name = "places"
tcp = [{ id = "cloud", listen = )" + std::to_string(front) +
                                                     R"(, to = "127.0.0.1:)" +
                                                     std::to_string(cloud) + R"(" }]
far = [{ id = "cloud", kind = "mqtt", listen = )" + std::to_string(cloud) +
                                                     R"( }]
[[device]]
id = "scale-1"
personality = "serial.line"
point.weight.signal = 1
)"));
    Process run({"run", folder.path() / "s.toml", "--out", folder.path(), "--quiet"});
    const std::string socket = folder.path() / "control.sock";
    const auto ctl = [&socket](std::vector<std::string> words) {
        words.insert(words.begin(), {"ctl", "--control", socket});
        return run_fogsim(std::move(words));
    };
    CHECK(eventually([&] { return publish(front, kRecord) == 0; }, 10s));
    CHECK(has(folder.path() / "far-cloud.jsonl", "\"seq\":1"));
    CHECK(ctl({"fault", "add", "sink/cloud", "refuse"}) == 0);
    CHECK(eventually([&] { return publish(front, "x") != 0; }, 10s));
    CHECK(publish(cloud, "x") == 0);
    CHECK(ctl({"fault", "clear", "1"}) == 0);
    CHECK(eventually([&] { return publish(front, "x") == 0; }, 10s));
    CHECK(ctl({"fault", "add", "far/cloud", "kick_after_connect"}) == 0);
    CHECK(ctl({"fault", "add", "far/cloud", "hang"}) == 2);
    CHECK(ctl({"fault", "add", "tcp/other", "reset"}) == 2);
    CHECK(eventually([&] { return publish(cloud, "x") != 0; }, 10s));
    CHECK(has(folder.path() / "ledger.jsonl", R"("kind":"refuse","dev":"sink/cloud")"));
    CHECK(run.end(SIGINT) == 0);
}

}  // namespace
}  // namespace fog::sim
