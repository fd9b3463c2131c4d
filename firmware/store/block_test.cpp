#include "firmware/store/block.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "firmware/store/columns.hpp"

namespace fog {
namespace {

std::vector<const Record*> pointers(const std::vector<Record>& records) {
    std::vector<const Record*> out;
    for (const Record& record : records) out.push_back(&record);
    return out;
}

Record sample(std::uint64_t seq, Value value) {
    Record record;
    record.seq.value = seq;
    record.sinks = 1;
    Sample body;
    body.point.value = 7;
    body.value = std::move(value);
    body.boot.value = 3;
    body.received = MonoTime{std::chrono::nanoseconds{1'000'000'123}};
    record.body = std::move(body);
    return record;
}

bool same_bits(const Value& a, const Value& b) {
    const auto* x = std::get_if<double>(&a);
    const auto* y = std::get_if<double>(&b);
    if (x != nullptr && y != nullptr)
        return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
    return a == b;
}

void check_round_trip(const std::vector<Record>& records) {
    Bytes data;
    const Bytes head(5, std::byte{9});
    encode_block(Lane::live, pointers(records), head, data);
    auto block = decode_block(data);
    REQUIRE_MESSAGE(block, block.error().what);
    CHECK(block->lane == Lane::live);
    CHECK(block->head == head);
    REQUIRE(block->records.size() == records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        CHECK(same_bits(block->records[i].sample().value, records[i].sample().value));
        CHECK(block->records[i] == records[i]);
    }
}

}  // namespace

TEST_CASE("block: every kind of value comes back bit by bit") {
    using Limit = std::numeric_limits<double>;
    std::vector<Record> records;
    std::uint64_t seq = 0;
    for (const double number :
         {0.0, -0.0, 71.25, -0.01, 0.1, 0.30000000000000004, 1e-9, 1e-300, Limit::denorm_min(),
          -Limit::denorm_min(), Limit::min(), Limit::max(), Limit::lowest(), 9007199254740991.0,
          9007199254740993.0, 1e22, 123456789.123456789, 3.14159265358979})
        records.push_back(sample(++seq, number));
    for (const std::int64_t whole :
         {std::int64_t{0}, INT64_MIN, INT64_MAX, std::int64_t{-1}, std::int64_t{42}})
        records.push_back(sample(++seq, whole));
    for (Value other : {Value{}, Value{true}, Value{false}, Value{std::string()},
                        Value{std::string("a\0b", 3)}, Value{std::string(70'000, 'x')}})
        records.push_back(sample(++seq, std::move(other)));
    check_round_trip(records);
}

TEST_CASE("block: times, ids and masks at their ends come back") {
    std::vector<Record> records;
    const auto add = [&](std::uint64_t seq, std::int64_t received, std::int64_t source) {
        Record record = sample(seq, 1.5);
        record.sample().received = MonoTime{std::chrono::nanoseconds{received}};
        record.sample().source_time = WallTime{std::chrono::nanoseconds{source}};
        record.sample().point.value = static_cast<std::uint32_t>(seq * 2654435761U);
        record.sample().boot.value = seq % 2 == 0 ? UINT32_MAX : 0;
        record.sample().quality.bits = static_cast<std::uint16_t>(seq * 40'503U);
        record.sample().flags = static_cast<std::uint16_t>(seq);
        record.sinks = static_cast<std::uint16_t>(seq * 31U);
        records.push_back(std::move(record));
    };
    add(1, 0, 0);
    add(2, INT64_MAX, INT64_MIN);
    add(3, INT64_MIN, INT64_MAX);
    add(900, 5'000'000'000, 1'795'279'200'000'000'000);
    add((1ULL << 53U) - 1, 5'000'000'001, 1'795'279'200'000'000'001);
    check_round_trip(records);
}

TEST_CASE("block: random blocks of all sizes come back") {
    std::mt19937_64 random(11);
    for (const std::size_t count : {1U, 2U, 127U, 128U, 129U, 1000U}) {
        std::vector<Record> records;
        std::uint64_t seq = random() >> 12U;
        for (std::size_t i = 0; i < count; ++i) {
            seq += 1 + (random() % 8 == 0 ? random() % 1000 : 0);
            Value value;
            switch (random() % 6) {
                case 0:
                    value = std::bit_cast<double>(random() >> 2U);
                    break;
                case 1:
                    value = static_cast<double>(random() % 100'000) / 100;
                    break;
                case 2:
                    value = static_cast<std::int64_t>(random());
                    break;
                case 3:
                    value = random() % 2 == 0;
                    break;
                case 4:
                    value = std::string(random() % 20, 's');
                    break;
                default:
                    break;
            }
            Record record = sample(seq, std::move(value));
            record.sample().point.value = static_cast<std::uint32_t>(random() % 5000);
            record.sample().received = MonoTime{std::chrono::nanoseconds{random() >> 20U}};
            record.sample().quality.bits = static_cast<std::uint16_t>(random() % 3);
            records.push_back(std::move(record));
        }
        check_round_trip(records);
    }
}

TEST_CASE("block: a second of 1,000 points with two decimals takes at most 8 bytes a sample") {
    std::mt19937 random(5);
    std::vector<Record> records;
    for (unsigned i = 0; i < 1000; ++i) {
        Record record =
            sample(1'000'000 + i, std::round(2000 + static_cast<double>(random() % 7000)) / 100);
        Sample& body = record.sample();
        body.point.value = (i * 389U) % 1000U + 1;  // no helpful order
        body.received = MonoTime{
            std::chrono::nanoseconds{5'000'000'000'000LL + i * 1'000'000LL + random() % 900'000}};
        body.source_time =
            WallTime{std::chrono::milliseconds{1'795'279'200'000LL + i + random() % 3}};
        records.push_back(std::move(record));
    }
    Bytes data;
    encode_block(Lane::live, pointers(records), {}, data);
    MESSAGE("bytes a sample: " << static_cast<double>(data.size()) / 1000);
    CHECK(data.size() <= 8'000);
}

TEST_CASE("block: a flipped bit anywhere is noticed") {
    const std::vector<Record> records = {sample(1, 1.5), sample(2, std::string("abc"))};
    Bytes data;
    encode_block(Lane::live, pointers(records), {}, data);
    for (std::size_t i = 0; i < data.size(); ++i) {
        Bytes bad = data;
        bad[i] ^= std::byte{4};
        CHECK_FALSE(decode_block(bad));
    }
    for (std::size_t size = 0; size < data.size(); ++size)
        CHECK_FALSE(decode_block(std::span(data).first(size)));
}

TEST_CASE("block: its end is read without its columns") {
    const std::vector<Record> records = {sample(10, 1.5), sample(12, 2.5)};
    Bytes data;
    encode_block(Lane::bulk, pointers(records), {}, data);
    const auto span = peek_block(data);
    REQUIRE(span);
    CHECK(span->lane == Lane::bulk);
    CHECK(span->count == 2);
    CHECK(span->last == Seq{12});
    CHECK(span->boot == BootId{3});
}

TEST_CASE("event row: a whole event comes back") {
    Record record;
    record.seq.value = 77;
    record.lane = Lane::alarm;
    record.sinks = 0x8001;
    record.body = Event{EventKind::alarm,
                        "alarms/boiler-1/hot",
                        "boiler-1",
                        WallTime{std::chrono::nanoseconds{-5}},
                        BootId{9},
                        MonoTime{std::chrono::nanoseconds{INT64_MAX}},
                        R"("alarm":"hot","state":"active")",
                        flag::kDerived};
    Bytes data;
    encode_event(record, data);
    Record back;
    back.seq = record.seq;
    back.lane = record.lane;
    Event body;
    body.kind = EventKind::alarm;
    body.channel = "alarms/boiler-1/hot";
    back.body = body;
    REQUIRE(decode_event(data, back));
    CHECK(back == record);
    data[3] ^= std::byte{1};
    CHECK_FALSE(decode_event(data, back));
}

TEST_CASE("block: records of some points are those that decoding all of it gives") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 60; ++round) {
        std::vector<Record> records;
        std::uint64_t seq = 1;
        const std::uint64_t points = 1 + random() % 40;
        for (std::size_t i = 0; i < 1 + random() % 700; ++i) {
            const Value values[] = {std::monostate{},
                                    static_cast<std::int64_t>(random()),
                                    random() % 2 == 0,
                                    std::string(random() % 30, 'y'),
                                    static_cast<double>(random()) / 7,
                                    static_cast<double>(random() % 9'999) / 100};
            records.push_back(
                sample(seq, values[random() % (round % 2 == 0 ? 6 : 1) + round % 6 * (round % 2)]));
            seq += 1 + (round % 3 == 0 ? random() % 5 : 0);
            Sample& body = records.back().sample();
            body.point.value =
                static_cast<std::uint32_t>(1 + (round % 4 == 0 ? random() % points : i % points));
            body.received = MonoTime{
                std::chrono::nanoseconds{static_cast<std::int64_t>(random() % 1'000'000'000'000)}};
            if (random() % 3 == 0)
                body.source_time = WallTime{std::chrono::milliseconds{random() % 99'999}};
            body.quality.bits = static_cast<std::uint16_t>(random() % 7 == 0 ? 0x8000 : 0);
        }
        Bytes data;
        encode_block(Lane::live, pointers(records), {}, data);
        for (int ask = 0; ask < 20; ++ask) {
            BlockWanted wanted;
            wanted.first_point = static_cast<std::uint32_t>(random() % (points + 2));
            wanted.last_point = wanted.first_point + static_cast<std::uint32_t>(random() % 3);
            if (random() % 2 == 0) wanted.after.value = random() % seq;
            if (random() % 2 == 0) wanted.upto.value = random() % seq;
            std::vector<Record> expected, got;
            for (const Record& record : records)
                if (wanted.has(record.seq.value, record.sample().point.value))
                    expected.push_back(record);
            REQUIRE(visit_block(data, wanted, [&](Record& record) { got.push_back(record); }));
            CHECK(got == expected);
        }
    }
}

TEST_CASE("columns: any 64-bit values come back in every form") {
    std::mt19937_64 random(3);
    const std::vector<std::vector<std::uint64_t>> columns = {
        {},
        {5},
        std::vector<std::uint64_t>(500, 9),
        {0, UINT64_MAX, 0, 1ULL << 63U, 1},
        {1, 2, 3, 4, 5, 6},
    };
    const auto check = [](const std::vector<std::uint64_t>& values) {
        Bytes data;
        Packer out(data);
        put_column(out, values);
        Unpacker in(data);
        std::vector<std::uint64_t> back;
        REQUIRE(get_column(in, values.size(), back));
        CHECK(in.empty());
        CHECK(back == values);
        std::vector<std::size_t> places;
        std::vector<std::uint64_t> expected;
        for (std::size_t i = values.size() % 3; i < values.size(); i += 1 + i % 170) {
            places.push_back(i);
            expected.push_back(values[i]);
        }
        Unpacker some(data);
        REQUIRE(pick_column(some, values.size(), places, back));
        CHECK(some.empty());
        CHECK(back == expected);
    };
    for (const auto& values : columns) check(values);
    for (unsigned width = 1; width <= 64; ++width) {
        std::vector<std::uint64_t> values(300);
        for (auto& value : values) value = random() >> (64 - width);
        check(values);
    }
}

}  // namespace fog
