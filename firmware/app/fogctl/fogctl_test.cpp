#include "firmware/app/fogctl/fogctl.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "firmware/app/fogctl/arguments.hpp"
#include "firmware/store/sqlite.hpp"
#include "firmware/store/store.hpp"
#include "tests/support/fake_http.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {
namespace {

using Req = httplib::Request;
using Res = httplib::Response;

/// fogctl against a real HTTP server on a Unix socket.
struct Run {
    TempFolder folder;
    FakeHttp box;
    std::string out, err;
    std::string asked;  // what the server saw

    std::string socket() const { return (folder.path() / "control.sock").string(); }
    void start() { box.start_unix(socket()); }
    Exit operator()(std::vector<std::string> words, const std::string& typed = "") {
        words.insert(words.begin(), {"--socket", socket()});
        std::istringstream in(typed);
        std::ostringstream out_stream;
        std::ostringstream err_stream;
        const Exit code = run_fogctl(words, {in, out_stream, err_stream});
        out = out_stream.str();
        err = err_stream.str();
        return code;
    }
    std::string file(const std::string& name, const std::string& text) const {
        const auto path = folder.path() / name;
        std::ofstream(path) << text;
        return path.string();
    }
    auto answer(int status, std::string body) {
        return [this, status, body = std::move(body)](const Req& request, Res& response) {
            asked += request.method + " " + request.target + " " + request.body + "\n";
            response.status = status;
            response.set_content(body, "application/json");
        };
    }
};

Arguments parsed(const std::vector<std::string>& words) {
    auto result = parse_arguments(words);
    REQUIRE(std::holds_alternative<Arguments>(result));
    return std::get<Arguments>(result);
}

Leave left(const std::vector<std::string>& words) {
    auto result = parse_arguments(words);
    REQUIRE(std::holds_alternative<Leave>(result));
    return std::get<Leave>(result);
}

}  // namespace

TEST_CASE("fogctl arguments: verbs, ids and common options in any place") {
    CHECK(parsed({"status"}).verb == "status");
    CHECK(parsed({"status"}).socket == "/run/fogline/control.sock");
    CHECK(parsed({"status", "--json"}).json);
    CHECK(parsed({"--json", "claim", "show"}).verb == "claim show");
    CHECK(parsed({"tail", "--device", "boiler-1"}).device == "boiler-1");
    CHECK(parsed({"rules", "rm", "a"}).id == "a");
    CHECK(parsed({"uplink", "status"}).id.empty());
    CHECK(parsed({"uplink", "pause", "cloud"}).verb == "uplink pause");
    CHECK(parsed({"config", "check"}).file == "/etc/fogline");
    const Arguments token = parsed({"token", "create", "--scope", "read:live", "--scope", "ingest",
                                    "--ttl", "30 d", "--url", "http://x"});
    CHECK(token.scopes == std::vector<std::string>{"read:live", "ingest"});
    CHECK(*token.ttl == 30 * 86'400);
    CHECK(token.url == "http://x");
}

TEST_CASE("fogctl arguments: mistakes are usage errors, help is not") {
    CHECK(left({}).code == Exit::usage);
    CHECK(left({"stats"}).code == Exit::usage);
    CHECK(left({"rules"}).code == Exit::usage);
    CHECK(left({"rules", "rm"}).code == Exit::usage);
    CHECK(left({"status", "--colour"}).code == Exit::usage);
    CHECK(left({"token", "create", "--scope", "x", "--ttl", "30"}).code == Exit::usage);
    CHECK(left({"--help"}).code == Exit::good);
    CHECK(left({"--help"}).text.find("rules") != std::string::npos);
}

TEST_CASE("fogctl: without a daemon it says so") {
    Run run;
    CHECK(run({"status"}) == Exit::unavailable);
    CHECK(run.err == "fogctl: no daemon at " + run.socket() + ": is foglined running?\n");
    CHECK(run({"status", "--url", "nonsense"}) == Exit::usage);
}

TEST_CASE("fogctl: status for people and as JSON") {
    Run run;
    run.box.server.Get("/api/v1/status", run.answer(200, R"({"name":"gw","devices":2})"));
    run.start();
    CHECK(run({"status"}) == Exit::good);
    CHECK(run.out == "name     gw\ndevices  2\n");
    CHECK(run({"--json", "status"}) == Exit::good);
    CHECK(run.out == "{\"name\":\"gw\",\"devices\":2}\n");
}

TEST_CASE("fogctl: the claim code is shown in two groups, the passphrase comes from stdin") {
    Run run;
    run.box.server.Get("/api/v1/claim/code", run.answer(200, R"({"code":"ABCD2345"})"));
    run.box.server.Post("/api/v1/claim/set", run.answer(200, R"({"claimed":true})"));
    run.start();
    CHECK(run({"claim", "show"}) == Exit::good);
    CHECK(run.out == "ABCD-2345\n");
    run.asked.clear();
    CHECK(run({"claim", "set"}, "correct \"horse\"\n") == Exit::good);
    CHECK(run.asked == "POST /api/v1/claim/set {\"passphrase\":\"correct \\\"horse\\\"\"}\n");
    CHECK(run({"claim", "set"}, "") == Exit::usage);
}

TEST_CASE("fogctl: a problem is shown with its hint, the exit code says what kind") {
    Run run;
    run.box.server.Get(
        "/api/v1/rules/gone",
        run.answer(404, R"({"title":"T","detail":"no rule gone","hint":"list them"})"));
    run.box.server.Get("/api/v1/rules/denied", run.answer(403, "not json"));
    run.box.server.Get("/api/v1/rules/busy", run.answer(503, R"({"title":"Busy"})"));
    run.start();
    CHECK(run({"rules", "show", "gone"}) == Exit::no_input);
    CHECK(run.err == "fogctl: no rule gone\n  help: list them\n");
    CHECK(run({"rules", "show", "denied"}) == Exit::denied);
    CHECK(run.err == "fogctl: the box answered 403\n");
    CHECK(run({"rules", "show", "busy"}) == Exit::again);
}

TEST_CASE("fogctl: faults of a rule are shown at their place in the file") {
    Run run;
    run.box.server.Post(
        "/api/v1/rules/check",
        run.answer(422, R"({"title":"T","detail":"d","errors":[{"pointer":"/condition/H",
            "code":"R0301","detail":"no number","hint":"write -15 Cel"},
            {"pointer":"/gone","code":"R1","detail":"x"}]})"));
    run.start();
    const std::string file = run.file("warm.toml", "title = \"x\"\n[condition]\nH = \"warm\"\n");
    CHECK(run({"rules", "check", file}) == Exit::config);
    CHECK(run.err == file + ":3:5: error[R0301]: no number\n  help: write -15 Cel\n" +
                         "/gone: error[R1]: x\n");
    const std::string broken = run.file("broken.toml", "title = x\n");
    CHECK(run({"rules", "check", broken}) == Exit::config);
    CHECK(run.err.starts_with(broken + ":1:"));
    CHECK(run({"rules", "check", "/nonexistent.toml"}) == Exit::no_input);
}

TEST_CASE("fogctl: a rule is added, replaced and removed with its version") {
    Run run;
    bool there = false;
    run.box.server.Get("/api/v1/rules/warm", [&](const Req&, Res& response) {
        response.status = there ? 200 : 404;
        if (there) response.set_header("ETag", "\"v1\"");
        response.set_content("{}", "application/json");
    });
    const auto note = [&](const Req& request, Res& response) {
        run.asked += request.method + " " + request.get_header_value("If-Match") + "|" +
                     request.get_header_value("If-None-Match") + " " + request.body + "\n";
        response.status = request.method == "PUT" ? 201 : 204;
    };
    run.box.server.Put("/api/v1/rules/warm", note);
    run.box.server.Delete("/api/v1/rules/warm", note);
    run.start();
    const std::string file = run.file("warm.toml", "title = \"x\"\nn = 1.0\n");
    CHECK(run({"rules", "put", file}) == Exit::good);
    CHECK(run.out == "warm: added\n");
    there = true;
    CHECK(run({"rules", "put", file, "--id", "warm"}) == Exit::good);
    CHECK(run.out == "warm: replaced\n");
    CHECK(run({"rules", "rm", "warm"}) == Exit::good);
    CHECK(run.asked ==
          "PUT |* {\"title\":\"x\",\"n\":1.0}\nPUT \"v1\"| {\"title\":\"x\",\"n\":1.0}\n"
          "DELETE \"v1\"| \n");
}

TEST_CASE("fogctl: tail prints one record a line") {
    Run run;
    run.box.server.Get("/api/v1/stream", [&](const Req& request, Res& response) {
        run.asked = request.target + " " + request.get_header_value("Accept");
        response.set_content(
            ": tick\n\nid: e.1\ndata: {\"dev\":\"b 1\",\"pt\":\"t\",\"rx\":\"R\",\"v\":1}\n\n",
            "text/event-stream");
    });
    run.start();
    CHECK(run({"tail", "--device", "b 1"}) == Exit::again);
    CHECK(run.out == "R  b 1/t  1\n");
    CHECK(run.err == "fogctl: the box ended the stream\n");
    CHECK(run.asked ==
          "/api/v1/stream?channel=samples/b%201/%23&channel=alarms/b%201/%23&channel=devices/b%201/"
          "%23 text/event-stream");
    run({"tail", "--json"});
    CHECK(run.out == "{\"dev\":\"b 1\",\"pt\":\"t\",\"rx\":\"R\",\"v\":1}\n");
}

TEST_CASE("fogctl: uplinks, log and tokens") {
    Run run;
    run.box.server.Get("/api/v1/uplinks/cloud/ledger", run.answer(200, R"({"accepted":5})"));
    run.box.server.Post("/api/v1/uplinks/cloud/pause", run.answer(204, ""));
    run.box.server.Get("/api/v1/log", run.answer(200, R"({"position":"e.7","records":7})"));
    run.box.server.Post("/api/v1/tokens", run.answer(201, R"({"id":3,"token":"fgl_abc"})"));
    run.box.server.Delete("/api/v1/tokens/3", run.answer(204, ""));
    run.start();
    CHECK(run({"uplink", "ledger", "cloud"}) == Exit::good);
    CHECK(run.out == "accepted  5\n");
    CHECK(run({"uplink", "pause", "cloud"}) == Exit::good);
    CHECK(run({"log", "position"}) == Exit::good);
    CHECK(run.out == "e.7\n");
    CHECK(run({"log", "stats"}) == Exit::good);
    run.asked.clear();
    CHECK(run({"token", "create", "--name", "g", "--scope", "read:live", "--ttl", "1 h"}) ==
          Exit::good);
    CHECK(run.out == "fgl_abc\n");
    CHECK(run.asked ==
          "POST /api/v1/tokens {\"name\":\"g\",\"scopes\":[\"read:live\"],\"ttl\":3600}\n");
    CHECK(run({"token", "revoke", "3"}) == Exit::good);
}

TEST_CASE("fogctl: config check needs no daemon") {
    Run run;
    const std::string good = run.file("good.toml", "[http]\nport = 80\n");
    CHECK(run({"config", "check", good}) == Exit::good);
    CHECK(run.out == good + ": good\n");
    const std::string bad = run.file("bad.toml", "[http]\nprot = 80\n");
    CHECK(run({"config", "check", bad}) == Exit::config);
    CHECK(run.err.starts_with(bad + ":2:1: error[E0001]: unknown key 'prot'"));
    CHECK(run({"config", "check", bad, "--json"}) == Exit::config);
    CHECK(run.out.starts_with("[{\"file\":"));
    CHECK(run({"config", "check", "/nonexistent"}) == Exit::no_input);
}

TEST_CASE("fogctl: log stats, verify and dump read a folder without a daemon") {
    Run run;
    const auto folder = run.folder.path() / "state";
    FakeClock clock;
    Seq second;
    {
        StoreOptions options;
        options.folder = folder;
        options.kernel_boot = "boot-a";
        options.clock = &clock;
        auto store = std::move(Store::open(options)).value();
        StoreBatch batch;
        batch.points.push_back({PointId{7}, "boiler-1", "supply_temp", "Cel", false, {}});
        std::vector<Record> records(3);
        for (Record& record : records) {
            record.seq = *store->seqs().take();
            record.sample().point.value = &record == &records[2] ? 8 : 7;
            record.sample().value = 71.25;
        }
        second = records[1].seq;
        batch.records = std::make_shared<const std::vector<Record>>(std::move(records));
        (void)store->append(std::move(batch));
        REQUIRE(store->flush());
        store->stop();
    }
    CHECK(run({"log", "verify", folder.string()}) == Exit::good);
    CHECK(run.out.find("3 records, 0 faults") != std::string::npos);
    CHECK(run({"--json", "log", "dump", folder.string(), "--device", "boiler-1"}) == Exit::good);
    CHECK(std::ranges::count(run.out, '\n') == 2);
    CHECK(run.out.find(R"("dev":"boiler-1","pt":"supply_temp","id":7,"v":71.25)") !=
          std::string::npos);
    CHECK(run({"log", "dump", folder.string(), "--after", std::to_string(second.value)}) ==
          Exit::good);
    CHECK(run.out.find("point 8  71.25  good") != std::string::npos);
    CHECK(std::ranges::count(run.out, '\n') == 1);
    CHECK(run({"--json", "log", "stats", folder.string()}) == Exit::good);
    CHECK(run.out.find(R"("live":{"records":3,)") != std::string::npos);
    CHECK(run.out.find(R"("written_bytes":{"commit":)") != std::string::npos);
    CHECK(run({"log", "stats", folder.string()}) == Exit::good);
    CHECK(run({"log", "verify", run.folder.path().string()}) == Exit::no_input);
    CHECK(run.err.find("no log.db") != std::string::npos);
    auto db =
        std::move(sqlite::Connection::open(folder / "log.db", sqlite::Connection::Mode::read_write))
            .value();
    REQUIRE(db.exec("UPDATE tail SET data = zeroblob(30)"));
    CHECK(run({"log", "verify", folder.string()}) == Exit::config);
    CHECK(run.err.find("checksum") != std::string::npos);
}

}  // namespace fog
