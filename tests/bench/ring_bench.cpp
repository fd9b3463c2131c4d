// The ingest ring: what it costs a source to hand a message over. No budget of its own.
#include <atomic>
#include <thread>

#include "firmware/io/ingest_ring.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/proc.hpp"

namespace fog::bench {

std::vector<Line> bench_ring(const Options& options) {
    const std::filesystem::path memory = "/dev/shm";
    const WorkFolder folder(std::filesystem::exists(memory) ? memory : options.work);
    auto opened = IngestRing::open(folder.path() / "ring", 4U << 20U, "bench", 0);
    if (!opened) fail(opened.error().what);
    IngestRing& ring = **opened;
    const std::string payload(100, 'x');
    IngestItem item;
    item.source = "mqtt:bench";
    item.topic = "sensors/boiler-1/supply";
    item.payload = std::as_bytes(std::span(payload.data(), payload.size()));
    std::vector<double> push;
    std::vector<double> pop;
    constexpr int kMessages = 10'000;
    for (int round = 0; round < (options.quick ? 5 : 20); ++round) {
        const std::int64_t from = now_us();
        for (int i = 0; i < kMessages; ++i)
            if (ring.push(item, std::chrono::milliseconds(0)) != IngestRing::Push::ok)
                fail("the ring is full");
        const std::int64_t between = now_us();
        IngestItem got;
        std::uint64_t number = 0;
        bool recovered = false;
        IngestWaiter waiter;
        for (int i = 0; i < kMessages; ++i)
            if (!ring.pop(got, number, recovered, waiter, std::chrono::milliseconds(0)))
                fail("the ring is empty");
        const std::int64_t after = now_us();
        ring.release(number);
        push.push_back(static_cast<double>(between - from) / kMessages);
        pop.push_back(static_cast<double>(after - between) / kMessages);
    }
    const auto line = [](std::string name, double value) {
        Line out;
        out.name = std::move(name);
        out.value = value;
        out.unit = "us";
        out.note = "100-byte payload, one thread, nobody waits";
        return out;
    };
    return {line("ring-push", median(push)), line("ring-pop", median(pop))};
}

}  // namespace fog::bench
