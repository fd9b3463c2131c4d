#include "drivers/link/link.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "drivers/sim_device.hpp"
#include "tests/support/codec_cases.hpp"
#include "tests/support/fake_sinks.hpp"
#include "tests/support/pty.hpp"
#include "tests/support/temp_folder.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace fog {
extern const DriverInfo line_ascii_driver;
extern const DriverInfo nanopb_frame_driver;
extern const SimDeviceInfo nanopb_frame_sim_device;
}  // namespace fog

namespace {

/// A link over the name by-id in a folder of its own; the test plugs ptys in.
struct Bench {
    explicit Bench(const DriverInfo& info, LinkTiming timing = {}) {
        SerialSpec spec;
        spec.port = link_path();
        link = std::make_unique<CodecLink>("scale-1", spec, make_codec(info, ""), clock, timing);
    }
    ~Bench() { link->stop(); }
    std::string link_path() const { return (folder.path() / "by-id").string(); }
    void plug(const Pty& pty) {
        const auto beside = folder.path() / "new";
        std::filesystem::create_symlink(pty.path(), beside);
        std::filesystem::rename(beside, link_path());
    }

    TempFolder folder;
    SystemClock clock;
    FakeSinks sinks;
    std::unique_ptr<CodecLink> link;
    std::size_t seen = 0;
};

/// Runs a simulated device on the far end of a pty until it is stopped.
class DeviceThread {
public:
    DeviceThread(Pty& pty, SimDevice& device) : pty_(pty), device_(device) {
        thread_ = std::thread([this] { run(); });
    }
    ~DeviceThread() { stop(); }
    void stop() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::atomic<std::uint64_t> to_send{0};
    std::atomic<std::uint64_t> acknowledged{0};

private:
    void run() {
        std::uint64_t next = 0;
        while (!stop_) {
            const MonoTime now = std::chrono::steady_clock::now();
            Bytes wire;
            if (next < to_send) {
                const SimPoint point{"n", static_cast<std::int64_t>(next), ""};
                wire = device_.report(next++, std::span(&point, 1), now);
            } else {
                wire = device_.tick(now);
            }
            if (!wire.empty()) pty_.write(as_text(wire));
            device_.feed(as_bytes(pty_.read_now()));
            acknowledged += device_.take_acknowledged().size();
            std::this_thread::sleep_for(1ms);  // the pace of the device, nothing waits for it
        }
    }
    Pty& pty_;
    SimDevice& device_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

std::unique_ptr<SimDevice> make_mcu() {
    Node config;
    std::vector<Fault> faults;
    ConfigView view(config, faults);
    return nanopb_frame_sim_device.make("node-7", view);
}

}  // namespace

TEST_CASE("link: a missing port is waited for, and found the moment it comes") {
    LinkTiming timing;
    timing.retry_first = timing.retry_most = 60s;  // only inotify can be this quick
    Bench bench(line_ascii_driver, timing);
    REQUIRE(bench.link->start(bench.sinks));
    CHECK(bench.sinks.wait_state(
        "serial:scale-1 down waiting: " + bench.link_path() + " does not exist", bench.seen));
    CHECK_FALSE(bench.link->health().up);
    Pty pty;
    bench.plug(pty);
    CHECK(bench.sinks.wait_state("serial:scale-1 up open", bench.seen));
    pty.write("T=21.5\n");
    CHECK(bench.sinks.wait_readings(1));
}

TEST_CASE("link: also when the folder of the port does not exist yet") {
    LinkTiming timing;
    timing.retry_first = timing.retry_most = 60s;
    const TempFolder folder;
    SystemClock clock;
    FakeSinks sinks;
    SerialSpec spec;
    spec.port = (folder.path() / "serial/by-id/scale").string();
    CodecLink link("scale-1", spec, make_codec(line_ascii_driver, ""), clock, timing);
    REQUIRE(link.start(sinks));
    std::size_t seen = 0;
    REQUIRE(sinks.wait_state("does not exist", seen));
    Pty pty;
    const auto built = folder.path() / "built/by-id";
    std::filesystem::create_directories(built);
    std::filesystem::create_symlink(pty.path(), built / "scale");
    std::filesystem::rename(folder.path() / "built", folder.path() / "serial");
    CHECK(sinks.wait_state("up open", seen));
}

TEST_CASE("link: unplug and replug behind the same name, counters go on") {
    Bench bench(line_ascii_driver);
    auto first = std::make_unique<Pty>();
    bench.plug(*first);
    REQUIRE(bench.link->start(bench.sinks));
    REQUIRE(bench.sinks.wait_state("up open", bench.seen));
    first->write("T=1\nT=2\nT=");
    REQUIRE(bench.sinks.wait_readings(2));
    first->close();
    CHECK(bench.sinks.wait_state("down waiting: ", bench.seen));
    Pty second;
    bench.plug(second);
    REQUIRE(bench.sinks.wait_state("up open", bench.seen));
    second.write("9\nT=3\n");
    REQUIRE(bench.sinks.wait_readings(3));
    bench.link->stop();
    const auto readings = bench.sinks.readings();
    REQUIRE(readings.size() == 3);
    CHECK(readings[2].value == Value(std::int64_t{3}));
    const Health health = bench.link->health();
    CHECK(health.reconnects == 1);
    CHECK(health.stats.frames == 3);
    CHECK(health.words == "stopped");
}

TEST_CASE("link: a name moved to another device while the old one lives is followed") {
    LinkTiming timing;
    timing.check = 20ms;
    Bench bench(line_ascii_driver, timing);
    Pty first, second;
    bench.plug(first);
    REQUIRE(bench.link->start(bench.sinks));
    REQUIRE(bench.sinks.wait_state("up open", bench.seen));
    bench.plug(second);
    REQUIRE(bench.sinks.wait_state("leads elsewhere", bench.seen));
    REQUIRE(bench.sinks.wait_state("up open", bench.seen));
    second.write("T=5\n");
    CHECK(bench.sinks.wait_readings(1));
}

TEST_CASE("link: a port someone else holds is waited for, with his name") {
    LinkTiming timing;
    timing.retry_first = timing.retry_most = 20ms;
    Bench bench(line_ascii_driver, timing);
    Pty pty;
    bench.plug(pty);
    SerialSpec spec;
    spec.port = pty.path();
    {
        const auto holder = SerialPort::open(spec);
        REQUIRE(holder);
        REQUIRE(bench.link->start(bench.sinks));
        CHECK(bench.sinks.wait_state("is held by process " + std::to_string(::getpid()) + " (",
                                     bench.seen));
    }
    CHECK(bench.sinks.wait_state("up open", bench.seen));
}

TEST_CASE("link: pieces of lines in any size make whole readings, garbage reaches the raw list") {
    Bench bench(line_ascii_driver);
    Pty pty;
    bench.plug(pty);
    REQUIRE(bench.link->start(bench.sinks));
    REQUIRE(bench.sinks.wait_state("up open", bench.seen));
    for (const char byte : std::string("T=1 H=2\nwhat is this\nT=3\n")) pty.write({&byte, 1});
    CHECK(bench.sinks.wait_readings(3));
    CHECK(bench.sinks.wait_raws(1));
}

TEST_CASE("link: commands reach the device") {
    SystemClock clock;
    FakeSinks sinks;
    Pty pty;
    SerialSpec spec;
    spec.port = pty.path();
    CodecLink link("oven", spec,
                   make_codec(line_ascii_driver,
                              "id = \"oven\"\n[[point]]\nname = \"target\"\n"
                              "write = \"SET {value}\\n\""),
                   clock);
    REQUIRE(link.start(sinks));
    REQUIRE(link.submit({"line:oven", "target", 80.5, {}}));
    CHECK(pty.read(9) == "SET 80.5\n");
}

TEST_CASE("link: a microcontroller is acknowledged for all it sent, across an unplug") {
    Bench bench(nanopb_frame_driver);
    const auto device = make_mcu();
    auto pty = std::make_unique<Pty>();
    bench.plug(*pty);
    REQUIRE(bench.link->start(bench.sinks));
    {
        DeviceThread thread(*pty, *device);
        thread.to_send = 200;
        REQUIRE(bench.sinks.wait_readings(100));
        thread.stop();  // somewhere in the middle
        pty->close();
    }
    REQUIRE(bench.sinks.wait_state("down waiting", bench.seen));
    auto again = std::make_unique<Pty>();
    bench.plug(*again);
    DeviceThread thread(*again, *device);
    thread.to_send = 100;
    const std::size_t before = bench.sinks.readings().size();
    REQUIRE(bench.sinks.wait_readings(before + 100));
    bench.link->stop();
    CHECK(bench.sinks.durable() == bench.sinks.readings().size());
    // Within one boot of the device every number is there once and in order.
    std::int64_t last = -1;
    int restarts = 0;
    for (const Reading& one : bench.sinks.readings()) {
        const auto number = std::get<std::int64_t>(one.value);
        if (number == 0) {
            ++restarts;
            last = -1;
        }
        CHECK(number == last + 1);
        last = number;
    }
    CHECK(restarts == 2);  // two runs of DeviceThread count from zero
}

TEST_CASE("link: what the store refuses is not acknowledged and comes again") {
    Bench bench(nanopb_frame_driver);
    const auto device = make_mcu();
    Pty pty;
    bench.plug(pty);
    bench.sinks.refuse(true);
    REQUIRE(bench.link->start(bench.sinks));
    DeviceThread thread(pty, *device);
    thread.to_send = 5;
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (bench.link->health().stats.readings < 10 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    CHECK(thread.acknowledged == 0);
    bench.sinks.refuse(false);
    REQUIRE(bench.sinks.wait_readings(5));
    while (thread.acknowledged < 5 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    CHECK(thread.acknowledged == 5);
    CHECK(bench.sinks.readings().size() == 5);
}

TEST_CASE("link: stops under load, and can be started again") {
    Bench bench(line_ascii_driver);
    Pty pty;
    bench.plug(pty);
    std::atomic<bool> stop{false};
    std::thread flood([&] {
        while (!stop) pty.write_now("T=1 H=2 X=3\nT=2 H=3\n");
    });
    for (int round = 0; round < 3; ++round) {
        REQUIRE(bench.link->start(bench.sinks));
        CHECK(bench.sinks.wait_readings(bench.sinks.readings().size() + 1000));
        const auto before = std::chrono::steady_clock::now();
        bench.link->stop();
        // The promise is 500 ms; a machine under a sanitizer may sleep a little longer.
        CHECK(std::chrono::steady_clock::now() - before < 2s);
    }
    stop = true;
    flood.join();
}
