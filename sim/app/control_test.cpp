#include "sim/app/control.hpp"

#include <doctest/doctest.h>

#include "firmware/config/json.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/http_client.hpp"
#include "sim/app/fogsim_process.hpp"
#include "sim/app/scenario_file.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* kScenario = R"(
name = "door"
seed = 7
fault = [{ at = "1 h", on = "device/scale-1", kind = "garbage" }]
[[device]]
id = "scale-1"
personality = "serial.line"
interval = "20 ms"
point.weight.signal = { sum = [1, { input = 2 }] }
)";

/// `fogsim run` as a process, and a client at its control socket.
struct Run {
    TempFolder folder;
    std::filesystem::path socket = folder.path() / "control.sock";
    Process process;
    HttpClient client;

    Run() : process(words()), client(open()) {}
    std::vector<std::string> words() const {
        REQUIRE(write_file(folder.path() / "s.toml", kScenario));
        return {"run", folder.path() / "s.toml", "--out", folder.path(), "--quiet"};
    }
    HttpClient open() const {
        REQUIRE(eventually([this] { return std::filesystem::exists(socket); }, 10s));
        return *HttpClient::open({.url = "unix:" + socket.string(), .token = {}});
    }
    HttpAnswer send(std::string method, std::string path, std::string body = {}) {
        const auto answer = client.send(
            {std::move(method), std::move(path), std::move(body), "application/json", {}});
        REQUIRE(answer);
        return *answer;
    }
    Node status() {
        std::vector<Fault> faults;
        return *parse_json(send("GET", "/status").body, faults);
    }
    std::string ledger() const { return read_file(folder.path() / "ledger.jsonl").value(); }
};

double number_at(const Node& node, std::string_view key) {
    return node.find(key)->number().value();
}

TEST_CASE("control: status names devices, inputs, faults and switches") {
    Run run;
    const Node status = run.status();
    CHECK(*status.find("scenario")->string() == "door");
    CHECK(number_at(status, "seed") == 7);
    const auto& device = status.find("devices")->array()->at(0);
    CHECK(*device.find("id")->string() == "scale-1");
    CHECK(*device.find("state")->string() == "unheard");
    const auto& input = status.find("inputs")->array()->at(0);
    CHECK(*input.find("id")->string() == "scale-1.weight");
    CHECK(number_at(input, "value") == 2);
    const auto& fault = status.find("faults")->array()->at(0);
    CHECK(*fault.find("kind")->string() == "garbage");
    CHECK_FALSE(*fault.find("active")->boolean());
    const auto& kinds = *status.find("switches")->array()->at(0).find("kinds")->array();
    CHECK(*kinds.front().string() == "silent");
    CHECK(run.process.end(SIGINT) == 0);
}

TEST_CASE("control: a fault is added, seen in the ledger and cleared; an input is set") {
    Run run;
    const auto added =
        run.send("POST", "/faults", R"({"on":"device/scale-1","kind":"unplug","for_s":600})");
    CHECK(added.status == 201);
    CHECK(added.body == "{\"id\":2}");
    CHECK(eventually(
        [&run] { return run.ledger().find(R"("kind":"unplug")") != std::string::npos; }, 5s));
    const Node status = run.status();
    const auto& fault = status.find("faults")->array()->at(1);
    CHECK(*fault.find("active")->boolean());
    CHECK(number_at(fault, "ends_in_s") <= 600);
    CHECK(number_at(fault, "ends_in_s") > 500);
    CHECK(*status.find("devices")->array()->at(0).find("state")->string() == "unplugged");
    CHECK(run.send("DELETE", "/faults/2").status == 200);
    CHECK(eventually(
        [&run] {
            return *run.status().find("devices")->array()->at(0).find("state")->string() ==
                   "unheard";
        },
        5s));
    CHECK(run.send("PUT", "/inputs/scale-1.weight", R"({"value":40.5})").status == 200);
    CHECK(eventually([&run] { return run.ledger().find("\"v\":41.5") != std::string::npos; }, 5s));
    CHECK(number_at(run.status().find("inputs")->array()->at(0), "value") == 40.5);
}

TEST_CASE("control: a paused run says nothing more until it is resumed") {
    Run run;
    CHECK(run.send("POST", "/pause").status == 200);
    const double at = number_at(run.status(), "elapsed_s");
    const std::size_t size = run.ledger().size();
    CHECK(*run.status().find("paused")->boolean());
    CHECK(number_at(run.status(), "elapsed_s") == at);
    CHECK(run.ledger().size() == size);
    CHECK(run.send("POST", "/resume").status == 200);
    CHECK(eventually([&] { return run.ledger().size() > size; }, 5s));
    CHECK(number_at(run.status(), "elapsed_s") < at + 5);
    CHECK(run.send("POST", "/stop").status == 200);
    CHECK(run.process.wait() == 0);
    CHECK_FALSE(std::filesystem::exists(run.socket));
}

TEST_CASE("control: what makes no sense is answered with what, why and what to do") {
    Run run;
    const auto problem = [&run](const char* method, const char* path, const char* body) {
        const auto answer = run.send(method, path, body);
        std::vector<Fault> faults;
        const Node node = *parse_json(answer.body, faults);
        CHECK_FALSE(node.find("title")->string()->empty());
        return std::to_string(answer.status) + " " + *node.find("detail")->string();
    };
    CHECK(problem("POST", "/faults", R"({"on":"device/scale-1","kind":"unplugg"})") ==
          "400 no fault 'unplugg'");
    CHECK(problem("POST", "/faults", R"({"on":"device/x","kind":"unplug"})") ==
          "400 no device 'x'");
    CHECK(problem("POST", "/faults", R"({"on":"device/scale-1","kind":"clean_disconnect"})") ==
          "400 fault 'clean_disconnect' does not fit 'scale-1', which is serial.line");
    CHECK(problem("POST", "/faults", R"({"on":"device/scale-1","kind":"unplug","for_s":-1})") ==
          "400 'for_s' is more than 0 and less than 1e8");
    CHECK(problem("POST", "/faults", "[]") == "400 the body is no JSON object");
    CHECK(problem("DELETE", "/faults/99", "") == "404 no fault 99");
    CHECK(problem("DELETE", "/faults/x", "") == "400 'x' is no id of a fault");
    CHECK(problem("PUT", "/inputs/no.such", R"({"value":1})") == "404 no input 'no.such'");
    CHECK(problem("PUT", "/inputs/scale-1.weight", "{}") == "400 'value' must be a number");
    CHECK(problem("GET", "/other", "") == "404 no GET /other");
}

TEST_CASE("fogsim ctl: speaks to a run; a second run at the same socket is refused") {
    Run run;
    const std::string socket = run.socket.string();
    const auto ctl = [&socket](std::vector<std::string> words) {
        words.insert(words.begin(), {"ctl", "--control", socket});
        return run_fogsim(std::move(words));
    };
    CHECK(ctl({"status"}) == 0);
    CHECK(ctl({"status", "--json"}) == 0);
    CHECK(ctl({"fault", "add", "device/scale-1", "delay", "--for", "10 s", "--with",
               "by=200 ms"}) == 0);
    CHECK(ctl({"fault", "add", "device/scale-1", "delay", "--with", "bye=200 ms"}) == 2);
    CHECK(ctl({"fault", "clear", "2"}) == 0);
    CHECK(ctl({"fault", "clear", "2"}) == 3);
    CHECK(ctl({"set", "scale-1.weight", "5"}) == 0);
    CHECK(ctl({"pause"}) == 0);
    CHECK(ctl({"resume"}) == 0);
    const TempFolder other;
    CHECK(run_fogsim({"run", run.folder.path() / "s.toml", "--out", other.path(), "--control",
                      socket}) == 3);
    CHECK(ctl({"stop"}) == 0);
    CHECK(run.process.wait() == 0);
    CHECK(ctl({"status"}) == 3);
}

}  // namespace
}  // namespace fog::sim
