#include "sim/cloud/far_http.hpp"

#include <doctest/doctest.h>

#include "firmware/io/files.hpp"
#include "firmware/io/http_client.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTwo =
    R"([{"gw":"g","dev":"d","pt":"p","v":1,"seq":1},{"gw":"g","dev":"d","pt":"p","v":2,"seq":2}])";

struct Rig {
    TempFolder folder;
    Result<FarRecorder> recorder = FarRecorder::open(folder.path() / "far.jsonl", "cloud");
    FarHttp far{*recorder, 1, "cloud"};
    std::string url = "http://127.0.0.1:" + std::to_string(far.start("127.0.0.1", 0).value());

    FaultSpec set(FaultKind kind, SimTime by = 0s, unsigned code = 0, std::uint64_t bytes = 0) {
        FaultSpec out;
        out.id = 1;
        out.kind = kind;
        out.by = by;
        out.code = code;
        out.bytes = bytes;
        out.retry_after = code != 0 ? SimTime{1500ms} : SimTime{0};
        far.set(out, true);
        return out;
    }
    Result<HttpAnswer> post(std::chrono::milliseconds read = 5'000ms,
                            std::size_t body = 1U << 20U) const {
        auto client = HttpClient::open({.url = url, .token = {}, .read = read, .body_bytes = body});
        return client->send({.method = "POST", .path = "/in", .body = kTwo, .headers = {}});
    }
};

TEST_CASE("far http: records what curl posts, by length and in chunks") {
    Rig rig;
    if (run_program({"curl", "--version"}) != 0) {
        MESSAGE("skipped: curl is not installed");
        return;
    }
    const auto file = rig.folder.path() / "body";
    REQUIRE(write_file(file, kTwo));
    const std::string data = "@" + file.string();
    CHECK(run_program({"curl", "-sf", "--data-binary", data, rig.url + "/in"}) == 0);
    CHECK(run_program({"curl", "-sf", "-H", "Transfer-Encoding: chunked", "--data-binary", data,
                       rig.url + "/in"}) == 0);
    CHECK(run_program({"curl", "-sf", "-H", "Expect: 100-continue", "--data-binary", data,
                       rig.url + "/in"}) == 0);
    CHECK(rig.recorder->records() == 6);
    CHECK(run_program({"curl", "-sf", rig.url + "/"}) == 0);
    CHECK(rig.far.requests() == 4);
}

TEST_CASE("far http: status with Retry-After, and redirect, record nothing") {
    Rig rig;
    const FaultSpec busy = rig.set(FaultKind::status, 0s, 503);
    const auto refused = rig.post();
    REQUIRE(refused);
    CHECK(refused->status == 503);
    CHECK(refused->header("Retry-After") == "2");
    rig.far.set(busy, false);
    const FaultSpec redirect = rig.set(FaultKind::redirect);
    const auto sent_on = rig.post();
    REQUIRE(sent_on);
    CHECK(sent_on->status == 307);
    CHECK(sent_on->header("Location") == rig.url + "/in");
    CHECK(rig.recorder->records() == 0);
    rig.far.set(redirect, false);
    CHECK(rig.post()->body == "{\"accepted\":2}");
    CHECK(rig.recorder->records() == 2);
}

TEST_CASE("far http: hang answers never, slow answers late, and neither blocks others") {
    Rig rig;
    const FaultSpec hang = rig.set(FaultKind::hang);
    CHECK(rig.post(200ms).error().code == Errc::timeout);
    CHECK(rig.recorder->records() == 0);
    rig.far.set(hang, false);
    rig.set(FaultKind::slow, 400ms);
    const auto before = std::chrono::steady_clock::now();
    CHECK(rig.post()->status == 200);
    CHECK(std::chrono::steady_clock::now() - before >= 300ms);
    CHECK(rig.recorder->records() == 2);
}

TEST_CASE("far http: the record is kept though the answer is lost, cut or too big") {
    Rig rig;
    const FaultSpec lost = rig.set(FaultKind::lost_answer);
    CHECK_FALSE(rig.post());
    CHECK(rig.recorder->records() == 2);
    rig.far.set(lost, false);
    const FaultSpec cut = rig.set(FaultKind::cut_body);
    CHECK_FALSE(rig.post());
    CHECK(rig.recorder->records() == 4);
    rig.far.set(cut, false);
    rig.set(FaultKind::big_answer, 0s, 0, 100'000);
    CHECK_FALSE(rig.post(5'000ms, 50'000));
    CHECK(rig.post()->body.size() > 100'000);
}

TEST_CASE("far http: partial takes half of a list and names the others") {
    Rig rig;
    rig.set(FaultKind::partial);
    const auto answer = rig.post();
    REQUIRE(answer);
    CHECK(answer->status == 207);
    CHECK(answer->body == R"({"accepted":1,"rejected":[{"index":1,"status":503}]})");
    CHECK(rig.recorder->records() == 1);
    CHECK(read_file(rig.folder.path() / "far.jsonl")->find("\"seq\":2") == std::string::npos);
}

}  // namespace
}  // namespace fog::sim
