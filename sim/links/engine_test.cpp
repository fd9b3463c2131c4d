#include "sim/links/engine.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <thread>

#include "drivers/sim_device.hpp"
#include "firmware/io/files.hpp"
#include "sim/links/serial_carrier.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

/// A device of this test's own: says "<id>;" and takes "ok;" for the last id said.
class EchoDevice final : public SimDevice {
public:
    Bytes report(std::uint64_t id, std::span<const SimPoint>, MonoTime) override {
        last_ = id;
        const std::string text = std::to_string(id) + ";";
        const auto bytes = as_bytes(text);
        return {bytes.begin(), bytes.end()};
    }
    void feed(std::span<const std::byte> bytes) override {
        if (as_text(bytes).find("ok;") != std::string_view::npos) acked_.push_back(last_);
    }
    Bytes tick(MonoTime) override { return {}; }
    std::vector<std::uint64_t> take_acknowledged() override { return std::exchange(acked_, {}); }

private:
    std::uint64_t last_ = 0;
    std::vector<std::uint64_t> acked_;
};

FaultSpec fault_of(FaultKind kind) {
    FaultSpec out;
    out.kind = kind;
    return out;
}

struct Bench {
    TempFolder folder;
    Result<Ledger> ledger = Ledger::open(folder.path() / "ledger.jsonl");
    SerialCarrier carrier;
    MonoTime now{100s};

    explicit Bench(const char* level)
        : carrier({folder.path() / "by-id" / "node-1", 0, 1},
                  {"node-1", "node-1", "test", "serial", level, false},
                  std::make_unique<EchoDevice>(), *ledger) {
        REQUIRE(carrier.start(now));
    }
    Fd open() const {
        return Fd(::open((folder.path() / "by-id" / "node-1").c_str(),
                         O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    }
    void report(std::uint64_t id) {
        carrier.take({id, 0, 0s, {{"x", "", 1.0}}}, WallTime{1'795'279'200s}, now);
        carrier.step(now);
        REQUIRE(ledger->flush());
        carrier.release(now);
        now += 50ms;
    }
    std::string lines() const { return read_file(folder.path() / "ledger.jsonl").value(); }
};

std::string read_some(const Fd& fd) {
    std::string out(4096, '\0');
    const ssize_t n = ::read(fd.get(), out.data(), out.size());
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
}

TEST_CASE("serial: reports reach whoever has the port open, others are marked unheard") {
    Bench bench("C");
    bench.report(1);
    const Fd gateway = bench.open();
    bench.report(2);
    CHECK(read_some(gateway) == "2;");
    CHECK(bench.carrier.counts().sent == 2);
    CHECK(bench.carrier.counts().unheard == 1);
    CHECK(bench.lines().find("\"id\":1,") < bench.lines().find("\"heard\":false"));
}

TEST_CASE("serial: acknowledgements of the wire become lines of the ledger") {
    Bench bench("A");
    const Fd gateway = bench.open();
    bench.report(7);
    REQUIRE(::write(gateway.get(), "ok;", 3) == 3);
    bench.carrier.step(bench.now);
    REQUIRE(bench.ledger->flush());
    CHECK(bench.lines().find("{\"k\":\"acked\",\"id\":7,") != std::string::npos);
}

TEST_CASE("serial: an unplugged device is unsent and comes back behind the same link") {
    Bench bench("C");
    Fd gateway = bench.open();
    bench.carrier.fault(fault_of(FaultKind::unplug), true, bench.now);
    bench.report(1);
    CHECK(bench.carrier.counts().unsent == 1);
    CHECK_FALSE(bench.open());
    bench.carrier.fault(fault_of(FaultKind::unplug), false, bench.now);
    gateway = bench.open();
    REQUIRE(gateway);
    bench.report(2);
    CHECK(read_some(gateway) == "2;");
    CHECK(bench.lines().find("\"why\":\"unplugged\"") != std::string::npos);
}

TEST_CASE("serial: garbage is seeded and ends with its fault") {
    Bench one("C"), two("C");
    const Fd a = one.open(), b = two.open();
    for (Bench* bench : {&one, &two}) {
        bench->carrier.fault(fault_of(FaultKind::garbage), true, bench->now);
        bench->report(1);
        bench->carrier.fault(fault_of(FaultKind::garbage), false, bench->now);
    }
    const std::string noise = read_some(a);
    CHECK(noise.size() > 2);
    CHECK(noise == read_some(b));
    one.now += 1s;
    one.report(2);
    CHECK(read_some(a) == "2;");
}

TEST_CASE("serial: nothing is left behind") {
    std::filesystem::path link;
    TempFolder folder;
    {
        auto ledger = Ledger::open(folder.path() / "ledger.jsonl");
        SerialCarrier carrier({folder.path() / "node-1", 0, 1},
                              {"node-1", "node-1", "test", "serial", "C", false},
                              std::make_unique<EchoDevice>(), *ledger);
        REQUIRE(carrier.start(MonoTime{}));
        CHECK(std::filesystem::is_symlink(folder.path() / "node-1"));
    }
    CHECK_FALSE(std::filesystem::is_symlink(folder.path() / "node-1"));
}

}  // namespace
}  // namespace fog::sim
