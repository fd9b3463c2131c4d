#include "sim/app/gateway_process.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>

#include "firmware/io/files.hpp"
#include "sim/app/fogsim_process.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

FaultSpec fault(FaultKind kind) {
    FaultSpec out;
    out.kind = kind;
    return out;
}

bool runs(pid_t pid) {
    return pid > 0 && ::kill(pid, 0) == 0;
}

char state_of(pid_t pid) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    if (!stat) return '-';
    const std::size_t at = stat->rfind(')');
    return at + 2 < stat->size() ? (*stat)[at + 2] : '-';
}

TEST_CASE("gateway process: killed and ended for as long as the fault lasts") {
    const TempFolder folder;
    pid_t last = 0;
    {
        GatewayProcess gateway({"sleep", "600"}, folder.path() / "gateway.log");
        for (const FaultKind kind : {FaultKind::kill9, FaultKind::term}) {
            REQUIRE(eventually([&] { return gateway.pid() > 0; }, 10s));
            const pid_t before = gateway.pid();
            gateway.fault(fault(kind), true);
            CHECK(eventually([&] { return gateway.pid() == 0; }, 10s));
            CHECK_FALSE(runs(before));
            gateway.fault(fault(kind), false);
            CHECK(eventually([&] { return gateway.pid() > 0; }, 10s));
        }
        const pid_t before = gateway.pid();
        gateway.fault(fault(FaultKind::restart), true);
        CHECK(eventually([&] { return gateway.starts() == 4; }, 10s));
        CHECK_FALSE(runs(before));
        CHECK(eventually([&] { return gateway.pid() > 0; }, 10s));
        last = gateway.pid();
        gateway.fault(fault(FaultKind::stop_cont), true);
        CHECK(eventually([last] { return state_of(last) == 'T'; }, 10s));
        gateway.fault(fault(FaultKind::stop_cont), false);
        CHECK(eventually([last] { return state_of(last) == 'S'; }, 10s));
        gateway.fault(fault(FaultKind::stop_cont), true);  // ended while stopped
    }
    CHECK_FALSE(runs(last));
}

TEST_CASE("gateway process: one that ends by itself is not started again") {
    const TempFolder folder;
    GatewayProcess gateway({"/no/such/program"}, folder.path() / "gateway.log");
    CHECK(eventually([&] { return gateway.starts() == 1 && gateway.pid() == 0; }, 10s));
}

constexpr const char* kScenario = R"(
name = "all of it"
[[device]]
id = "scale-1"
personality = "serial.line"
point.weight.signal = 1
)";

TEST_CASE("fogsim run: SIGKILL at any time leaves no child, pty or port") {
    for (int round = 0; round < 4; ++round) {
        const TempFolder folder;
        const std::uint16_t port = free_port();
        const auto place =
            "far = [{ id = \"cloud\", kind = \"http\", listen = " + std::to_string(port) + " }]";
        REQUIRE(write_file(folder.path() / "s.toml", place + kScenario));
        REQUIRE(write_file(folder.path() / "child.sh",
                           "echo $$ > " + (folder.path() / "pid").string() + "\nexec sleep 600\n"));
        Process run({"run", folder.path() / "s.toml", "--out", folder.path(), "--quiet",
                     "--gateway-program", "sh", "--gateway-arg", folder.path() / "child.sh"});
        const auto link = folder.path() / "run" / "by-id" / "scale-1";
        pid_t child = 0;
        REQUIRE(eventually(
            [&] {
                const auto text = read_file(folder.path() / "pid");
                child = text ? static_cast<pid_t>(std::atoi(text->c_str())) : 0;
                // From the second round on it may die while it is still opening things.
                return child > 0 && (round > 0 || std::filesystem::exists(link));
            },
            20s));
        const auto pty = std::filesystem::is_symlink(link) ? std::filesystem::read_symlink(link)
                                                           : std::filesystem::path("/no/pty");
        CHECK(run.end(SIGKILL) == -1);
        CHECK(eventually([child] { return !runs(child); }, 10s));
        CHECK(eventually([&pty] { return !std::filesystem::exists(pty); }, 10s));
        // The port and the control socket can be taken at once by another run.
        Process again({"run", folder.path() / "s.toml", "--out", folder.path(), "--quiet",
                       "--until", "100 ms"});
        CHECK(again.wait() == 0);
    }
}

TEST_CASE("fogsim run: faults of the gateway end it and begin it again, and stand in the ledger") {
    const TempFolder folder;
    REQUIRE(write_file(folder.path() / "s.toml", kScenario));
    const std::string socket = folder.path() / "control.sock";
    Process run({"run", folder.path() / "s.toml", "--out", folder.path(), "--quiet",
                 "--gateway-program", "sleep", "--gateway-arg", "600"});
    const auto ctl = [&socket](std::vector<std::string> words) {
        words.insert(words.begin(), {"ctl", "--control", socket});
        return run_fogsim(std::move(words));
    };
    CHECK(eventually([&] { return ctl({"fault", "add", "gateway", "kill9"}) == 0; }, 20s));
    CHECK(eventually(
        [&] {
            const auto text = read_file(folder.path() / "ledger.jsonl");
            return text && text->find(R"("kind":"kill9","dev":"gateway","state":"begin")") !=
                               std::string::npos;
        },
        10s));
    CHECK(run.end(SIGINT) == 0);
    Process without({"run", folder.path() / "s.toml", "--out", folder.path(), "--quiet"});
    CHECK(eventually([&] { return ctl({"status"}) == 0; }, 20s));
    CHECK(ctl({"fault", "add", "gateway", "kill9"}) == 2);
    CHECK(without.end(SIGINT) == 0);
}

}  // namespace
}  // namespace fog::sim
