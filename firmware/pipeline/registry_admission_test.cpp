#include <doctest/doctest.h>

#include "firmware/core/text.hpp"
#include "firmware/pipeline/registry.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

struct Tray {
    Limits limits;
    PointDirectory directory;
    Registry registry{directory, limits};
    MonoTime now{100s};

    Registry::Outcome hear(std::string_view key, Value value, NewKind kind = NewKind::generic) {
        Reading reading;
        reading.device_key = key;
        reading.point = "t";
        reading.value = std::move(value);
        now += 1s;
        return registry.accept(reading, {BootId{1}, now, {}, 0, "mqtt:test", "json", kind});
    }
    std::uint32_t index(std::string_view id) { return registry.index_of(id).value(); }
    Admission admission(std::string_view id) { return registry.device(id)->admission; }
    /// A registry that read what this one would have stored.
    void restart_into(Registry& next) {
        std::vector<PointRow> points;
        std::vector<DeviceRow> devices;
        registry.rows(true, points, devices);
        next.load_policies(registry.packed_policies());
        next.load(devices, points);
    }
};

}  // namespace

TEST_CASE("admission: by default everything is let in") {
    Tray f;
    const auto first = f.hear("json:a", 1.0);
    REQUIRE(first.sample);
    CHECK(f.admission("a") == Admission::active);
    CHECK(!f.registry.provisional(first.sample->point));
}

TEST_CASE("admission: with 'ask' a new device is recorded, and waits until it is kept") {
    Tray f;
    f.registry.set_policies({NewPolicy::automatic, NewPolicy::ask, NewPolicy::ask}, false);
    const auto first = f.hear("json:a", 1.0);
    REQUIRE(first.sample);
    CHECK(f.registry.provisional(first.sample->point));
    CHECK(f.registry.provisional("a"));
    CHECK(f.hear("mcu:7", 1.0, NewKind::announced).sample);
    CHECK(f.admission("7") == Admission::active);
    CHECK(f.registry.provisional_count() == 1);
    CHECK(f.registry.admit(f.index("a"), Admission::active));
    CHECK(!f.registry.admit(f.index("a"), Admission::active));
    CHECK(!f.registry.provisional(first.sample->point));
    CHECK(f.registry.provisional_count() == 0);
    CHECK(f.hear("json:a", 2.0).sample->point == first.sample->point);
}

TEST_CASE("admission: an ignored device is not recorded, also after a restart, until it is kept") {
    Tray f;
    f.registry.set_policies({NewPolicy::ask, NewPolicy::ask, NewPolicy::ask}, false);
    f.hear("json:a", 1.0);
    f.hear("json:b", 1.0);
    f.registry.admit(f.index("a"), Admission::ignored);
    CHECK(f.hear("json:a", 2.0).why == "ignored");
    CHECK(f.registry.device("a")->samples == 1);
    CHECK(f.registry.held_back() == 0);

    PointDirectory directory;
    Registry next(directory, f.limits);
    f.restart_into(next);
    CHECK(next.policies()[0] == NewPolicy::ask);
    CHECK(next.provisional_count() == 1);
    CHECK(next.device("b")->admission == Admission::provisional);
    Reading again;
    again.device_key = "json:a";
    again.point = "t";
    again.value = 3.0;
    const Arrival arrival{BootId{2}, MonoTime{9s}, {}, 0, "mqtt:test", "json", NewKind::generic};
    CHECK(next.accept(again, arrival).why == "ignored");
    CHECK(next.admit(next.index_of("a").value(), Admission::active));
    CHECK(next.accept(again, arrival).sample);
}

TEST_CASE("admission: a policy of the configuration is not replaced by the page's") {
    Tray f;
    Tray configured;
    f.registry.set_policies({NewPolicy::ask, NewPolicy::ask, NewPolicy::ignore}, false);
    configured.registry.set_policies({}, true);
    configured.registry.load_policies(f.registry.packed_policies());
    CHECK(configured.registry.policies() == NewPolicies{});
    Tray free;
    free.registry.load_policies(as_bytes("\x01\x07\x07\x07"));
    CHECK(free.registry.policies() == NewPolicies{});
    CHECK(f.hear("json:x", 1.0).why == "ignored");
}

TEST_CASE("admission: how many wait at once is bounded, and what is held back is told by reason") {
    Tray f;
    f.limits.new_devices_per_minute = 2 * f.limits.provisional_devices;
    f.registry.set_policies({NewPolicy::ask, NewPolicy::ask, NewPolicy::ask}, false);
    for (std::size_t i = 0; i < f.limits.provisional_devices; ++i)
        f.hear("json:" + std::to_string(i), 1.0);
    CHECK(f.registry.provisional_count() == f.limits.provisional_devices);
    f.hear("json:late", 1.0);
    f.hear("json:late", 2.0);
    CHECK(f.registry.devices().size() == f.limits.provisional_devices);
    REQUIRE(f.registry.held_back_by().size() == 1);
    const HeldBack& held = f.registry.held_back_by().front();
    CHECK(held.why == "too many devices wait to be kept");
    CHECK(held.source == "mqtt:test");
    CHECK(held.last == "json:late");
    CHECK(held.times == 2);
}

TEST_CASE("admission: what rules make is let in whatever the policy says") {
    Tray f;
    f.registry.set_policies({NewPolicy::ignore, NewPolicy::ignore, NewPolicy::ignore}, false);
    Sample sample;
    sample.value = 1.0;
    sample.boot = BootId{1};
    sample.received = f.now;
    CHECK(f.registry.accept_derived("plant", "mean", "Cel", sample).sample);
}
