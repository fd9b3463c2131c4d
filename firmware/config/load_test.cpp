#include "firmware/config/load.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "firmware/config/json.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, std::string_view text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

std::string get(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

LoadedConfig load(const fs::path& folder, std::vector<std::string> sets = {},
                  std::vector<std::pair<std::string, std::string>> environment = {}) {
    ConfigSources sources;
    sources.main = folder / "fogline.toml";
    sources.sets = std::move(sets);
    sources.environment = std::move(environment);
    return load_config(sources);
}

std::string all_text(const std::vector<Fault>& faults) {
    return report_text({faults, false});
}

void replace_all(std::string& text, const std::string& from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("config: every broken file is reported at its line and column, with a hint") {
    const fs::path cases = fs::path(FOG_TEST_DIR) / "cases";
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(cases)) {
        if (entry.path().extension() != ".txt") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    REQUIRE(paths.size() >= 20);
    for (const fs::path& path : paths) {
        CAPTURE(path.filename().string());
        const ConfigReport report = check_config(path);
        std::string text = report_text(report);
        replace_all(text, cases.string() + "/", "");
        const fs::path golden = cases / (path.stem().string() + ".txt");
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
        if (std::getenv("FOG_UPDATE_GOLDEN") != nullptr) put(golden, text);
        CHECK(text == get(golden));
        CHECK_FALSE(report.faults.empty());
        CHECK(exit_code(report, false) == Exit::config);
    }
}

TEST_CASE("config: no file at all is a valid configuration") {
    const TempFolder folder;
    const LoadedConfig loaded = load(folder.path());
    CHECK(loaded.good());
    CHECK(loaded.object_faults.empty());
    CHECK(loaded.config.http.port == 8080);
    CHECK(loaded.config.log.linger == std::chrono::seconds(1));
    CHECK(loaded.config.limits.ring_bytes == Limits{}.ring_bytes);
}

TEST_CASE("config: the example files are valid and say what they show") {
    const LoadedConfig loaded = load(fs::path(FOG_TEST_DIR) / "examples");
    CHECK(all_text(loaded.faults) == "");
    CHECK(all_text(loaded.object_faults) == "");
    const Config& config = loaded.config;
    CHECK(config.gateway.name == "Cold store 2, north");
    CHECK(config.log.max_bytes == 512ULL << 20U);
    CHECK(config.limits.log_bytes == 512ULL << 20U);
    REQUIRE(config.uplinks.size() == 2);
    CHECK(config.uplinks[0].id == "head-office");
    CHECK(config.uplinks[0].node.find("id") == nullptr);
    CHECK_FALSE(config.uplinks[0].managed);
    CHECK(config.uplinks[1].id == "cloud");
    CHECK(config.uplinks[1].managed);
    REQUIRE(config.mqtt_sources.size() == 1);
    CHECK(*config.mqtt_sources[0].node.find("level")->string() == "held");
    REQUIRE(config.ports.size() == 1);
    CHECK(*config.ports[0].node.find("driver")->string() == "line_ascii");
    REQUIRE(config.rules.size() == 1);
    CHECK(config.rules[0].id == "freezer-warm");
    CHECK(config.rules[0].node.find("condition")->find("H")->mark.line == 8);
}

TEST_CASE("config: the listener for devices is on unless switched off") {
    const TempFolder folder;
    put(folder.path() / "fogline.toml", "");
    const LoadedConfig plain = load(folder.path());
    REQUIRE(plain.config.mqtt_listener);
    CHECK(plain.config.mqtt_listener->port == 1883);
    CHECK_FALSE(plain.config.mqtt_listener->open);
    put(folder.path() / "fogline.toml", "[mqtt.listener]\nenabled = false\n");
    const LoadedConfig off = load(folder.path());
    CHECK(all_text(off.faults) == "");
    CHECK_FALSE(off.config.mqtt_listener);
}

TEST_CASE("config: layers win in their order") {
    const TempFolder folder;
    put(folder.path() / "fogline.toml", "[http]\nport = 1001\n");
    CHECK(load(folder.path()).config.http.port == 1001);
    put(folder.path() / "conf.d/10-a.toml", "[http]\nport = 1002\n[gateway]\nname = \"a\"\n");
    put(folder.path() / "conf.d/20-b.toml", "[http]\nport = 1003\n");
    CHECK(load(folder.path()).config.http.port == 1003);
    CHECK(load(folder.path()).config.gateway.name == "a");
    const std::vector<std::pair<std::string, std::string>> environment = {
        {"FOGLINE_HTTP__PORT", "1004"}, {"FOGLINE_SOCKET", "x"}, {"PATH", "/bin"}};
    CHECK(load(folder.path(), {}, environment).config.http.port == 1004);
    const LoadedConfig top = load(folder.path(), {"http.port=1005"}, environment);
    CHECK(top.good());
    CHECK(top.config.http.port == 1005);
}

TEST_CASE("config: what happens to new devices is one word or one for each kind") {
    const TempFolder folder;
    const auto with = [&folder](std::string_view line) {
        put(folder.path() / "fogline.toml", "[registry]\n" + std::string(line) + "\n");
        return load(folder.path());
    };
    CHECK(!with("").config.registry.fixed);
    const auto one = with("new = \"ask\"").config.registry;
    CHECK(one.fixed);
    CHECK(one.fresh == NewPolicies{NewPolicy::ask, NewPolicy::ask, NewPolicy::ask});
    const auto each = with("new = { generic = \"ignore\", structured = \"ask\" }").config.registry;
    CHECK(each.fresh == NewPolicies{NewPolicy::automatic, NewPolicy::ask, NewPolicy::ignore});
    CHECK(!with("new = { generik = \"ask\" }").good());
    CHECK(!with("new = \"never\"").good());
}

TEST_CASE("config: lists without ids are replaced, lists with ids are joined") {
    const TempFolder folder;
    put(folder.path() / "fogline.toml",
        "[http]\nallowed_hosts = [\"a\", \"b\"]\n[[uplink]]\nid = \"one\"\n");
    put(folder.path() / "conf.d/x.toml",
        "[http]\nallowed_hosts = [\"c\"]\n[[uplink]]\nid = \"two\"\n");
    const LoadedConfig loaded = load(folder.path());
    CHECK(loaded.good());
    CHECK(loaded.config.http.allowed_hosts == std::vector<std::string>{"c"});
    CHECK(loaded.config.uplinks.size() == 2);
}

TEST_CASE("config: a setting from outside reaches into a list by id") {
    const TempFolder folder;
    put(folder.path() / "fogline.toml", "[[uplink]]\nid = \"head-office\"\nurl = \"a\"\n");
    const LoadedConfig loaded = load(folder.path(), {"uplink.head-office.url=mqtt://b:1"},
                                     {{"FOGLINE_UPLINK__HEAD_OFFICE__WINDOW", "5"}});
    CHECK(all_text(loaded.faults) == "");
    CHECK(*loaded.config.uplinks[0].node.find("url")->string() == "mqtt://b:1");
    CHECK(*loaded.config.uplinks[0].node.find("window")->integer() == 5);
    CHECK_FALSE(load(folder.path(), {"uplink.other.url=x"}).good());
}

TEST_CASE("config: a wrong setting from outside names the variable or the option") {
    const TempFolder folder;
    const LoadedConfig environment = load(folder.path(), {}, {{"FOGLINE_HTTP__POR", "1"}});
    CHECK(all_text(environment.faults) ==
          "FOGLINE_HTTP__POR /http/por: error[E0001]: unknown key 'por'\n"
          "  help: did you mean 'port'?\n");
    const LoadedConfig set = load(folder.path(), {"http.port=x", "nonsense", "a..b=1"});
    CHECK(set.faults.size() == 3);
    CHECK(all_text(set.faults).find("--set http.port") != std::string::npos);
}

TEST_CASE("config: a broken object file leaves the others working") {
    const LoadedConfig loaded = load(fs::path(FOG_TEST_DIR) / "cases/object_files");
    CHECK(loaded.good());
    CHECK(loaded.object_faults.size() == 3);
    REQUIRE(loaded.config.rules.size() == 1);
    CHECK(loaded.config.rules[0].id == "good");
}

TEST_CASE("config: a file that cannot be read says why") {
    const TempFolder folder;
    fs::create_directories(folder.path() / "fogline.toml");
    const LoadedConfig loaded = load(folder.path());
    CHECK_FALSE(loaded.good());
    CHECK(all_text(loaded.faults).find("is not a file") != std::string::npos);
    put(folder.path() / "rules.d/big.toml", std::string((4U << 20U) + 1, '#'));
    CHECK(load(folder.path()).object_faults.size() == 1);
}

TEST_CASE("config: a check of one object file asks the component") {
    const fs::path file = fs::path(FOG_TEST_DIR) / "examples/rules.d/freezer-warm.toml";
    std::string seen;
    const auto check = [&seen](std::string_view kind, const ObjectConfig& object,
                               std::vector<Fault>& faults) {
        seen += std::string(kind) + "/" + object.id + " ";
        faults.push_back({"W0001", "", object.node.mark, "odd", {}, true});
    };
    const ConfigReport one = check_config(file, check);
    CHECK(seen == "rule/freezer-warm ");
    CHECK(exit_code(one, false) == Exit::good);
    CHECK(exit_code(one, true) == Exit::warnings);
    seen.clear();
    (void)check_config(fs::path(FOG_TEST_DIR) / "examples", check);
    CHECK(seen == "source/site uplink/head-office uplink/cloud port/bench rule/freezer-warm ");
    CHECK(exit_code(check_config("/nonexistent/x.toml"), false) == Exit::no_input);
}

TEST_CASE("config: a report is valid JSON for editors") {
    const ConfigReport report = check_config(fs::path(FOG_TEST_DIR) / "cases/unknown_key.toml");
    std::vector<Fault> faults;
    const auto json = parse_json(report_json(report), faults);
    REQUIRE(json);
    CHECK(*json->array()->at(0).find("line")->integer() == 4);
    CHECK(*json->array()->at(0).find("column")->integer() == 1);
    CHECK(*json->array()->at(0).find("hint")->string() == "did you mean 'allowed_hosts'?");
}

}  // namespace fog
