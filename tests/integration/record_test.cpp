#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gateway.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

constexpr const char* kRule = R"(
bind = { device = "meter-*" }
inputs.t = { point = "{device}/temp" }
condition = { op = "threshold", in = "t", H = "25 Cel", hysteresis = "1 K", for = "2 s" }
[[action]]
type = "alarm"
text = "{device} at {t}"
)";

// meter-1 and meter-2 get hot at 4 s and cool at 9 s.
constexpr const char* kScenario = R"(
name = "hot for a while"
duration = "13 s"
[[device]]
id = "meter-{n}"
count = 2
personality = "http.ingest"
interval = "250 ms"
link = { ack = "commit" }
point.temp = { unit = "Cel", signal = { steps = [["0 s", 20.0], ["4 s", 30.0], ["9 s", 20.0]] }, sensor = { noise = 0.1 } }
[[device]]
id = "other-1"
personality = "http.ingest"
interval = "500 ms"
point.temp = { unit = "Cel", signal = 90.0 }
)";

struct Ran {
    int code = -1;
    std::string out;
    Json json() const { return Json::parse(out, nullptr, false); }
};

Ran fogsim(std::vector<std::string> words) {
    const TempFolder folder;
    words.insert(words.begin(), FOG_BIN_DIR "/fogsim");
    Child child(std::move(words), folder.path() / "out");
    Ran ran;
    ran.code = child.wait(60s).value_or(-1);
    ran.out = text_of(folder.path() / "out");
    return ran;
}

/// A gateway that has seen two alarms come, one of them acknowledged, and go.
struct Incident {
    Gateway gateway;
    TempFolder folder;

    Incident() {
        gateway.write("rules.d/hot.toml", kRule);
        gateway.start();
        std::ofstream(path("hot.toml")) << kScenario;
        Child run({FOG_BIN_DIR "/fogsim", "run", path("hot.toml"), "--http", gateway.url(),
                   "--http-token", gateway.token(), "--out", path("run"), "--quiet"},
                  path("run.txt"));
        const bool raised = eventually(
            [this] {
                const auto alarms = gateway.get("/api/v1/alarms").json()["items"];
                return std::ranges::any_of(alarms, [](const Json& alarm) {
                    return alarm["alarm"] == "meter-1/hot" && alarm["state"] == "active-unack";
                });
            },
            30s);
        REQUIRE_MESSAGE(raised, text_of(path("run.txt")));
        REQUIRE(gateway.post("/api/v1/alarms/meter-1%2Fhot/ack", R"({"note":"seen"})").status ==
                200);
        REQUIRE_MESSAGE(run.wait(60s) == 0, text_of(path("run.txt")));
    }
    std::string path(std::string_view name) const { return folder.path() / name; }
    Ran record(const std::string& file, std::vector<std::string> more = {}) const {
        std::vector<std::string> words = {"record",        "--gateway", gateway.url(), "--token",
                                          gateway.token(), "--last",    "1 min",       "-o",
                                          path(file),      "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return fogsim(std::move(words));
    }
};

}  // namespace

namespace {

void other_rules_differ(const std::filesystem::path& file, const std::filesystem::path& rules) {
    std::filesystem::create_directories(rules);
    std::string text = kRule;
    text.replace(text.find("25 Cel"), 6, "35 Cel");
    std::ofstream(rules / "hot.toml") << text;
    const auto other = fogsim({"replay", file, "--rules", rules, "--json"});
    CHECK_MESSAGE(other.code == 1, other.out);
    CHECK(other.json()["same_alarms"] == false);
    CHECK_MESSAGE(other.json()["differences"].size() == 5, other.out);
    CHECK(fogsim({"replay", file, "--rules", rules / "no"}).code == 3);
    std::ofstream(rules / "broken.toml") << "x = 1\n";
    CHECK(fogsim({"replay", file, "--rules", rules}).code == 2);
}

void names_can_be_left_out(const Incident& incident) {
    const auto nameless = incident.record("nameless.fog", {"--no-names"});
    REQUIRE_MESSAGE(nameless.code == 0, nameless.out);
    const auto again = fogsim({"replay", incident.path("nameless.fog"), "--json"});
    CHECK_MESSAGE(again.code == 0, again.out);
    CHECK(again.json()["same"] == 5);
    CHECK(again.json()["gateway"] == "gw");
    CHECK_FALSE(std::filesystem::exists(incident.path("nameless.fog.named.part")));
}

void a_broken_file_is_refused(const std::filesystem::path& file) {
    const std::string bytes = text_of(file);
    for (const std::string& broken : {bytes.substr(0, bytes.size() / 2), std::string("text")}) {
        std::ofstream(file, std::ios::binary) << broken;
        const auto refused = fogsim({"replay", file});
        CHECK(refused.code == 3);
        CHECK_MESSAGE(refused.out.find("help: ") != std::string::npos, refused.out);
    }
}

void who_may_not_read_is_told(const Incident& incident) {
    const auto denied = fogsim({"record", "--gateway", incident.gateway.url(), "--token", "no",
                                "-o", incident.path("denied.fog")});
    CHECK(denied.code == 3);
    CHECK_MESSAGE(denied.out.find("read:history") != std::string::npos, denied.out);
    CHECK_FALSE(std::filesystem::exists(incident.path("denied.fog")));
    CHECK_FALSE(std::filesystem::exists(incident.path("denied.fog.part")));
}

}  // namespace

TEST_CASE("record: what a gateway took in, replayed elsewhere, ends in the same alarms") {
    Incident incident;
    const auto recorded = incident.record("case.fog");
    REQUIRE_MESSAGE(recorded.code == 0, recorded.out);
    CHECK(recorded.json()["records"] > 100);

    const TempFolder elsewhere;
    const auto file = elsewhere.path() / "case.fog";
    std::filesystem::copy(incident.path("case.fog"), file);
    const auto same = fogsim({"replay", file, "--virtual", "--json"});
    CHECK_MESSAGE(same.code == 0, same.out);
    const Json told = same.json();
    CHECK_MESSAGE(told["same_alarms"] == true, same.out);
    CHECK(told["recorded"] == 5);  // two raised, one acknowledged, two cleared
    CHECK(told["same"] == 5);
    CHECK(told["refused"] == 0);
    CHECK(told["missing"] == 0);

    other_rules_differ(file, elsewhere.path() / "rules");
    names_can_be_left_out(incident);
    a_broken_file_is_refused(file);
    who_may_not_read_is_told(incident);
}

TEST_CASE("record: what a gateway took in, replayed into a running one, ends in the same alarms") {
    const Incident incident;
    const auto recorded = incident.record("case.fog");
    REQUIRE_MESSAGE(recorded.code == 0, recorded.out);

    Gateway other;
    other.write("rules.d/hot.toml", kRule);
    other.start();
    const auto same = fogsim({"replay", incident.path("case.fog"), "--gateway", other.url(),
                              "--token", other.token(), "--json"});
    CHECK_MESSAGE(same.code == 0, same.out);
    const Json told = same.json();
    CHECK_MESSAGE(told["same_alarms"] == true, same.out);
    CHECK(told["same"] == 5);
    CHECK(told["samples"] > 100);
    CHECK(told["refused"] == 0);

    Gateway quiet;  // without the rule
    quiet.start();
    const auto none = fogsim({"replay", incident.path("case.fog"), "--gateway", quiet.url(),
                              "--token", quiet.token(), "--json"});
    CHECK_MESSAGE(none.code == 1, none.out);
    CHECK(none.json()["differences"].size() == 5);
    CHECK(fogsim({"replay", incident.path("case.fog"), "--gateway", other.url(), "--token", "no"})
              .code == 3);
    CHECK(fogsim({"replay", incident.path("case.fog"), "--gateway", other.url(), "--rules", "."})
              .code == 2);
}

TEST_CASE("log records: pages in the order of the log, the same whatever their size") {
    Gateway gateway;
    gateway.start();
    for (int i = 0; i < 20; ++i)
        REQUIRE(
            gateway.post("/api/v1/ingest/meter-1", "{\"n\":" + std::to_string(i) + "}").status ==
            200);
    const auto all = gateway.get("/api/v1/log/records?limit=5000").json();
    REQUIRE(all["next"].is_null());
    CHECK(all["boots"].size() >= 1);
    std::vector<int> values;
    for (const Json& item : all["items"])
        if (item.contains("pt")) values.push_back(item["v"]);
    REQUIRE(values.size() == 20);
    CHECK(std::ranges::is_sorted(values));

    std::vector<Json> paged;
    const std::string upto = std::to_string(all["committed"].get<std::uint64_t>());
    for (std::string after; paged.size() < 1000;) {
        const auto page = gateway.get("/api/v1/log/records?limit=3&upto=" + upto + after).json();
        for (const Json& item : page["items"]) paged.push_back(item);
        if (page["next"].is_null()) break;
        after = "&after=" + page["next"].get<std::string>();
    }
    CHECK(Json(paged) == all["items"]);

    CHECK(gateway.get("/api/v1/log/records?from=2020-01-01T00%3A00%3A00Z").json()["items"].size() >=
          20);
    CHECK(gateway.get("/api/v1/log/records?limit=0").status == 400);
    CHECK(gateway.get("/api/v1/log/records?from=yesterday").status == 400);
    CHECK(gateway.get("/api/v1/log/records?after=-1").status == 400);
    CHECK(gateway.anonymous("GET", "/api/v1/log/records").status == 401);
}
