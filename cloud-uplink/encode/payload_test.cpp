#include "cloud-uplink/encode/payload.hpp"

#include <doctest/doctest.h>

#include <array>

namespace fog {
namespace {

constexpr std::array kAll = {TopicPart::gw, TopicPart::dev, TopicPart::pt, TopicPart::lane,
                             TopicPart::kind};

struct World {
    PointDirectory points;
    BootTable boots;
    RecordContext context{"gw-1", &points, &boots};
    World() {
        REQUIRE(points.set({PointId{1}, "boiler-1", "temp", "Cel", "", false}));
        REQUIRE(points.set({PointId{2}, "boiler-1", "flow", "", "", false}));
        REQUIRE(points.set({PointId{3}, "pump-2", "rpm", "", "", false}));
        boots.add({BootId{7}, MonoTime{}, WallTime{std::chrono::seconds(1'795'279'200)}, true});
    }
};

Record sample(std::uint64_t seq, std::uint32_t point, double value, std::uint16_t flags = 0) {
    Record record;
    record.seq = Seq{seq};
    record.body = Sample{PointId{point}, value, {}, {}, BootId{7}, MonoTime{}, flags};
    return record;
}

Record alarm(std::uint64_t seq) {
    Record record;
    record.seq = Seq{seq};
    record.lane = Lane::alarm;
    Event event;
    event.kind = EventKind::alarm;
    event.device = "boiler-1";
    event.boot = BootId{7};
    event.members = R"("alarm":"hot","state":"active")";
    record.body = event;
    return record;
}

MessageShape shape(PayloadForm form, std::string_view samples) {
    MessageShape out;
    out.form = form;
    out.samples = *TopicTemplate::parse(samples, kAll);
    out.events = *TopicTemplate::parse("e/{kind}", kAll);
    return out;
}

TEST_CASE("payload: catch-up carries hist, fresh records do not") {
    World world;
    const Record one = sample(5, 1, 71.25);
    std::string fresh, late;
    append_outgoing_json(fresh, {&one, false}, world.context);
    append_outgoing_json(late, {&one, true}, world.context);
    CHECK(fresh == R"({"gw":"gw-1","dev":"boiler-1","pt":"temp","ts":"2026-11-21T16:40:00.000Z",)"
                   R"("v":71.25,"u":"Cel","q":"good","seq":5,"boot":7})");
    CHECK(late == fresh.substr(0, fresh.size() - 1) + R"(,"hist":true})");
}

TEST_CASE("payload: a record that was historic already says so once") {
    World world;
    const Record one = sample(5, 1, 1, flag::kHistoric);
    std::string late;
    append_outgoing_json(late, {&one, true}, world.context);
    CHECK(late.find("hist") == late.rfind("hist"));
    CHECK(late.ends_with(R"("hist":true})"));
    Record event = alarm(6);
    event.event().flags = flag::kHistoric;
    late.clear();
    append_outgoing_json(late, {&event, false}, world.context);
    CHECK(late.ends_with(R"("state":"active","hist":true})"));
}

TEST_CASE("payload: form record is one message a record, in order") {
    World world;
    const Record a = sample(1, 1, 1), b = sample(2, 3, 2), c = alarm(3);
    const std::array<Outgoing, 3> batch = {{{&a}, {&b}, {&c}}};
    const auto out =
        encode_messages(batch, shape(PayloadForm::record, "s/{dev}/{pt}"), world.context);
    REQUIRE(out.messages.size() == 3);
    CHECK(out.messages[0].topic == "s/boiler-1/temp");
    CHECK(out.messages[1].topic == "s/pump-2/rpm");
    CHECK(out.messages[2].topic == "e/alarm");
    CHECK(out.messages[2].places == std::vector<std::size_t>{2});
    CHECK(out.replaced == 0);
}

TEST_CASE("payload: form batch groups by topic and keeps the order within") {
    World world;
    const Record a = sample(1, 1, 1), b = sample(2, 3, 2), c = sample(3, 2, 3);
    const std::array<Outgoing, 3> batch = {{{&a}, {&b}, {&c}}};
    const auto out = encode_messages(batch, shape(PayloadForm::batch, "s/{dev}"), world.context);
    REQUIRE(out.messages.size() == 2);
    CHECK(out.messages[0].places == std::vector<std::size_t>{0, 2});
    CHECK(out.messages[0].payload.starts_with("[{"));
    CHECK(out.messages[0].payload.ends_with("}]"));
    CHECK(out.messages[0].payload.find("\"seq\":1") < out.messages[0].payload.find("\"seq\":3"));
    CHECK(out.messages[1].places == std::vector<std::size_t>{1});
}

TEST_CASE("payload: a batch message is split by bytes and by count") {
    World world;
    std::vector<Record> records;
    for (std::uint64_t n = 1; n <= 10; ++n) records.push_back(sample(n, 1, 1));
    std::vector<Outgoing> batch;
    for (const Record& record : records) batch.push_back({&record});
    auto small = shape(PayloadForm::batch, "s");
    small.message_records = 4;
    CHECK(encode_messages(batch, small, world.context).messages.size() == 3);
    small.message_records = 500;
    small.message_bytes = 300;
    const auto out = encode_messages(batch, small, world.context);
    CHECK(out.messages.size() == 5);
    for (const auto& message : out.messages) CHECK(message.payload.size() <= 300);
}

TEST_CASE("payload: a sample of a point without a name is set apart") {
    World world;
    const Record a = sample(1, 99, 1), b = sample(2, 1, 1);
    const std::array<Outgoing, 2> batch = {{{&a}, {&b}}};
    const auto out = encode_messages(batch, shape(PayloadForm::record, "s/{dev}"), world.context);
    CHECK(out.unnamed == std::vector<std::size_t>{0});
    REQUIRE(out.messages.size() == 1);
    CHECK(out.messages[0].places == std::vector<std::size_t>{1});
}

TEST_CASE("payload: the estimate is near the truth") {
    World world;
    for (const Record& record : {sample(1'000'000, 1, 71.25), alarm(1'000'000)}) {
        std::string json;
        append_outgoing_json(json, {&record, true}, world.context);
        CHECK(estimated_bytes(record) > json.size() * 2 / 3);
        CHECK(estimated_bytes(record) < json.size() * 2);
    }
}

}  // namespace
}  // namespace fog
