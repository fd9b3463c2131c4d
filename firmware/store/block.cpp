#include "firmware/store/block.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <string>
#include <utility>

#include "firmware/core/crc32c.hpp"
#include "firmware/core/pack.hpp"
#include "firmware/store/columns.hpp"

namespace fog {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCrcBytes = 4;

// How a value is kept; kDecimal + k is a double that equals an integer divided by 10^k.
enum Form : std::uint8_t { null_value, integer, no, yes, text, raw_double, decimal };
constexpr std::array<double, 10> kPowers = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kExactBelow = 9007199254740992.0;  // 2^53
constexpr std::array<std::uint64_t, 4> kUnits = {1, 1'000, 1'000'000, 1'000'000'000};

using Column = std::vector<std::uint64_t>;

bool as_decimal(double value, std::size_t digits, std::int64_t& scaled) {
    const double wide = value * kPowers[digits];
    if (!(std::fabs(wide) < kExactBelow)) return false;
    scaled = std::llrint(wide);
    return std::bit_cast<std::uint64_t>(static_cast<double>(scaled) / kPowers[digits]) ==
           std::bit_cast<std::uint64_t>(value);
}

struct Values {
    Column forms, numbers, lengths;
    std::vector<double> raws;
    std::string texts;
    std::size_t digits = 0;  // of the decimal before, kept while it is cheap: fewer runs

    void add(const Value& value) {
        if (const auto* number = std::get_if<double>(&value)) return add_double(*number);
        if (const auto* whole = std::get_if<std::int64_t>(&value)) {
            forms.push_back(integer);
            numbers.push_back(static_cast<std::uint64_t>(*whole));
        } else if (const auto* truth = std::get_if<bool>(&value)) {
            forms.push_back(*truth ? yes : no);
        } else if (const auto* words = std::get_if<std::string>(&value)) {
            forms.push_back(text);
            lengths.push_back(words->size());
            texts += *words;
        } else {
            forms.push_back(null_value);
        }
    }

private:
    void add_double(double value) {
        std::int64_t scaled = 0;
        std::size_t k = 0;
        while (k < kPowers.size() && !as_decimal(value, k, scaled)) ++k;
        if (k == kPowers.size()) {
            forms.push_back(raw_double);
            raws.push_back(value);
            return;
        }
        if (k < digits && digits <= 3 && as_decimal(value, digits, scaled)) k = digits;
        digits = k;
        forms.push_back(decimal + k);
        numbers.push_back(static_cast<std::uint64_t>(scaled));
    }
};

/// Times in the coarsest unit that divides them all.
void put_times(Packer& out, Column& times) {
    std::uint8_t unit = kUnits.size() - 1;
    for (const auto time : times)
        while (static_cast<std::int64_t>(time) % static_cast<std::int64_t>(kUnits[unit]) != 0)
            --unit;
    for (auto& time : times)
        time = static_cast<std::uint64_t>(static_cast<std::int64_t>(time) /
                                          static_cast<std::int64_t>(kUnits[unit]));
    out.u8(unit);
    put_column(out, times);
}
bool get_times(Unpacker& in, std::size_t count, Column& times) {
    const std::uint8_t unit = in.u8();
    if (!in.ok() || unit >= kUnits.size() || !get_column(in, count, times)) return false;
    for (auto& time : times) time *= kUnits[unit];
    return true;
}

Error bad(const char* why) {
    return Error{Errc::bad_frame, std::string("log block: ") + why, {}};
}

struct Opened {
    BlockSpan span;
    std::span<const std::byte> head;
    Unpacker rest;
};

Result<Opened> open_block(std::span<const std::byte> bytes) {
    if (bytes.size() < kCrcBytes + 2) return bad("too short");
    const auto body = bytes.first(bytes.size() - kCrcBytes);
    if (Unpacker(bytes.last(kCrcBytes)).fixed<std::uint32_t>() != crc32c(body))
        return bad("checksum does not match");
    Unpacker in(body);
    if (in.u8() != kVersion) return bad("unknown version");
    Opened out{{}, {}, Unpacker({})};
    const std::uint8_t lane = in.u8();
    if (lane >= kLanes) return bad("unknown lane");
    out.span.lane = static_cast<Lane>(lane);
    out.head = in.raw(in.varint());
    out.span.count = in.varint();
    out.span.last.value = in.varint();
    const std::uint64_t boot = in.varint();
    out.span.received = MonoTime{std::chrono::nanoseconds{in.zigzag()}};
    if (!in.ok()) return bad("cut off in its header");
    if (out.span.count > kBlockRecords || boot > UINT32_MAX) return bad("absurd header");
    out.span.boot.value = static_cast<std::uint32_t>(boot);
    out.rest = in;
    return out;
}

bool read_value(std::uint64_t form, const Column& numbers, std::size_t& number,
                const Column& lengths, std::size_t& length, Unpacker& texts, Unpacker& raws,
                Value& value) {
    switch (form) {
        case null_value:
            value = std::monostate{};
            return true;
        case integer:
            value = static_cast<std::int64_t>(numbers[number++]);
            return true;
        case no:
            value = false;
            return true;
        case yes:
            value = true;
            return true;
        case text:
            value = std::string(as_text(texts.raw(lengths[length++])));
            return texts.ok();
        case raw_double:
            value = raws.fixed<double>();
            return raws.ok();
        default:
            break;  // not an enum switch: the rest are decimals
    }
    const std::uint64_t digits = form - decimal;
    if (digits >= kPowers.size()) return false;
    value = static_cast<double>(static_cast<std::int64_t>(numbers[number++])) / kPowers[digits];
    return true;
}

/// As read_value(), for one that nobody wants.
bool skip_value(std::uint64_t form, std::size_t& number, const Column& lengths, std::size_t& length,
                Unpacker& texts, Unpacker& raws) {
    if (form == integer || form >= decimal) {
        ++number;
        return form == integer || form - decimal < kPowers.size();
    }
    if (form == text) {
        texts.raw(lengths[length++]);
        return texts.ok();
    }
    if (form != raw_double) return true;
    raws.raw(sizeof(double));
    return raws.ok();
}

struct Columns {
    Column seqs, points, received, boots, sourced, sources, quality, flags, sinks;
    Column forms, numbers, lengths;
};

template <class Is>
std::size_t count_forms(const Column& forms, Is is) {
    std::size_t count = 0;
    for (const auto form : forms) count += is(form) ? 1 : 0;
    return count;
}

bool read_columns(Unpacker& in, std::size_t n, Columns& c) {
    if (!get_times(in, n, c.received) || !get_column(in, n, c.boots) ||
        !get_column(in, n, c.sourced))
        return false;
    const auto with_source = count_forms(c.sourced, [](std::uint64_t s) { return s != 0; });
    if (!get_times(in, with_source, c.sources) || !get_column(in, n, c.quality) ||
        !get_column(in, n, c.flags) || !get_column(in, n, c.sinks) || !get_column(in, n, c.forms))
        return false;
    const auto numbers =
        count_forms(c.forms, [](std::uint64_t f) { return f == integer || f >= decimal; });
    const auto texts = count_forms(c.forms, [](std::uint64_t f) { return f == text; });
    return get_column(in, numbers, c.numbers) && get_column(in, texts, c.lengths);
}

bool plausible(const Columns& c, std::size_t i) {
    return c.points[i] <= UINT32_MAX && c.boots[i] <= UINT32_MAX && c.quality[i] <= UINT16_MAX &&
           c.flags[i] <= UINT16_MAX && c.sinks[i] <= UINT16_MAX && c.sourced[i] <= 1 &&
           (i == 0 || c.seqs[i] > c.seqs[i - 1]);
}

}  // namespace

void encode_block(Lane lane, std::span<const Record* const> records,
                  std::span<const std::byte> head, Bytes& out) {
    assert(records.size() <= kBlockRecords);
    const auto start = out.size();
    Packer pack(out);
    pack.u8(kVersion);
    pack.u8(static_cast<std::uint8_t>(lane));
    pack.varint(head.size());
    pack.raw(head);
    const Record* last = records.empty() ? nullptr : records.back();
    pack.varint(records.size());
    pack.varint(last ? last->seq.value : 0);
    pack.varint(last ? last->boot().value : 0);
    pack.zigzag(last ? last->received().time_since_epoch().count() : 0);

    Columns c;
    Values values;
    for (auto* column : {&c.seqs, &c.points, &c.received, &c.boots, &c.sourced, &c.quality,
                         &c.flags, &c.sinks, &values.forms})
        column->reserve(records.size());
    for (const Record* record : records) {
        const Sample& sample = record->sample();
        c.seqs.push_back(record->seq.value);
        c.points.push_back(sample.point.value);
        c.received.push_back(
            static_cast<std::uint64_t>(sample.received.time_since_epoch().count()));
        c.boots.push_back(sample.boot.value);
        const auto source =
            static_cast<std::uint64_t>(sample.source_time.time_since_epoch().count());
        c.sourced.push_back(source != 0 ? 1 : 0);
        if (source != 0) c.sources.push_back(source);
        c.quality.push_back(sample.quality.bits);
        c.flags.push_back(sample.flags);
        c.sinks.push_back(record->sinks);
        values.add(sample.value);
    }
    put_column(pack, c.seqs);
    put_column(pack, c.points);
    put_times(pack, c.received);
    put_column(pack, c.boots);
    put_column(pack, c.sourced);
    put_times(pack, c.sources);
    put_column(pack, c.quality);
    put_column(pack, c.flags);
    put_column(pack, c.sinks);
    put_column(pack, values.forms);
    put_column(pack, values.numbers);
    put_column(pack, values.lengths);
    pack.raw(as_bytes(values.texts));
    for (const double raw : values.raws) pack.fixed(raw);
    pack.fixed(crc32c(std::span(out).subspan(start)));
}

namespace {

/// All of a record but its value; `source` counts those that have a source time.
void fill_record(const Columns& c, std::size_t i, std::size_t& source, Record& record) {
    record.seq.value = c.seqs[i];
    record.sinks = static_cast<std::uint16_t>(c.sinks[i]);
    Sample& sample = record.sample();
    sample.point.value = static_cast<std::uint32_t>(c.points[i]);
    sample.received = MonoTime{std::chrono::nanoseconds{static_cast<std::int64_t>(c.received[i])}};
    sample.boot.value = static_cast<std::uint32_t>(c.boots[i]);
    sample.source_time = WallTime{};
    if (c.sourced[i] != 0)
        sample.source_time =
            WallTime{std::chrono::nanoseconds{static_cast<std::int64_t>(c.sources[source++])}};
    sample.quality.bits = static_cast<std::uint16_t>(c.quality[i]);
    sample.flags = static_cast<std::uint16_t>(c.flags[i]);
}

/// Everything behind the numbers and points of a block whose wanted records are visited.
Result<void> visit_columns(const Opened& opened, Unpacker in, Columns& c, const BlockWanted& wanted,
                           const RecordVisit& visit) {
    const std::size_t n = opened.span.count;
    if (!read_columns(in, n, c)) return bad("columns do not decode");
    std::uint64_t text_bytes = 0;
    for (const auto length : c.lengths) {
        if (length > in.left()) return bad("texts longer than the block");
        text_bytes += length;
    }
    Unpacker texts(in.raw(text_bytes));
    if (!in.ok()) return bad("texts longer than the block");
    Record record;
    record.lane = opened.span.lane;
    std::size_t number = 0, length = 0, source = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (!plausible(c, i)) return bad("a field is out of range");
        if (!wanted.has(c.seqs[i], c.points[i])) {  // most, where one point is asked for
            if (c.sourced[i] != 0) ++source;
            if (!skip_value(c.forms[i], number, c.lengths, length, texts, in))
                return bad("a value does not decode");
            continue;
        }
        fill_record(c, i, source, record);
        if (!read_value(c.forms[i], c.numbers, number, c.lengths, length, texts, in,
                        record.sample().value))
            return bad("a value does not decode");
        visit(record);
    }
    if (!in.empty() || (n > 0 && c.seqs.back() != opened.span.last.value))
        return bad("ends in the wrong place");
    return {};
}

bool pick_times(Unpacker& in, std::size_t count, std::span<const std::size_t> places,
                Column& times) {
    const std::uint8_t unit = in.u8();
    if (!in.ok() || unit >= kUnits.size() || !pick_column(in, count, places, times)) return false;
    for (auto& time : times) time *= kUnits[unit];
    return true;
}

/// Where the wanted records have their values: the columns behind `forms` are shorter.
struct Places {
    std::vector<std::size_t> records, numbers, sources;
    std::vector<std::size_t> texts, raws;  // of each record: how many come before

    void rank_sources(const Column& sourced) {
        std::size_t before = 0, at = 0;
        for (const auto record : records) {
            for (; at < record; ++at) before += sourced[at] != 0 ? 1 : 0;
            if (sourced[record] != 0) sources.push_back(before);
        }
    }
    void rank_values(const Column& forms) {
        std::size_t number = 0, text_no = 0, raw = 0, at = 0;
        for (const auto record : records) {
            for (; at < record; ++at) {
                number += forms[at] == integer || forms[at] >= decimal ? 1 : 0;
                text_no += forms[at] == text ? 1 : 0;
                raw += forms[at] == raw_double ? 1 : 0;
            }
            if (forms[record] == integer || forms[record] >= decimal) numbers.push_back(number);
            texts.push_back(text_no);
            raws.push_back(raw);
        }
    }
};

/// Only the columns' values at the places asked for; a chart asks for one record of a thousand.
bool pick_columns(Unpacker& in, std::size_t n, Places& places, Columns& c, Column& all_forms) {
    Column sourced;
    const auto& at = places.records;
    if (!pick_times(in, n, at, c.received) || !pick_column(in, n, at, c.boots) ||
        !get_column(in, n, sourced))
        return false;
    places.rank_sources(sourced);
    for (const auto record : at) c.sourced.push_back(sourced[record]);
    const auto with_source = count_forms(sourced, [](std::uint64_t s) { return s != 0; });
    if (!pick_times(in, with_source, places.sources, c.sources) ||
        !pick_column(in, n, at, c.quality) || !pick_column(in, n, at, c.flags) ||
        !pick_column(in, n, at, c.sinks) || !get_column(in, n, all_forms))
        return false;
    places.rank_values(all_forms);
    for (const auto record : at) c.forms.push_back(all_forms[record]);
    const auto numbers =
        count_forms(all_forms, [](std::uint64_t f) { return f == integer || f >= decimal; });
    const auto texts = count_forms(all_forms, [](std::uint64_t f) { return f == text; });
    return pick_column(in, numbers, places.numbers, c.numbers) && get_column(in, texts, c.lengths);
}

/// Visits the records at `places`; `in` is behind the points.
Result<void> visit_picked(const Opened& opened, Unpacker in, Places places, Columns& c,
                          const BlockWanted& wanted, const RecordVisit& visit) {
    Unpacker seqs = opened.rest;
    const std::size_t n = opened.span.count;
    Column forms;
    if (!pick_column(seqs, n, places.records, c.seqs) || !pick_columns(in, n, places, c, forms))
        return bad("columns do not decode");
    for (std::size_t i = 0; i < places.records.size(); ++i)
        c.points[i] = c.points[places.records[i]];
    std::uint64_t text_bytes = 0;
    for (const auto length : c.lengths) {
        if (length > in.left()) return bad("texts longer than the block");
        text_bytes += length;
    }
    const auto texts = in.raw(text_bytes);
    if (!in.ok()) return bad("texts longer than the block");
    Record record;
    record.lane = opened.span.lane;
    std::size_t number = 0, source = 0, length = 0, text_at = 0;
    for (std::size_t i = 0; i < places.records.size(); ++i) {
        if (!plausible(c, i)) return bad("a field is out of range");
        for (; length < places.texts[i]; ++length) text_at += c.lengths[length];
        Unpacker text_in(texts.subspan(text_at)), raws = in;
        raws.raw(places.raws[i] * sizeof(double));
        std::size_t text_no = length;
        Value value;
        if (!read_value(c.forms[i], c.numbers, number, c.lengths, text_no, text_in, raws, value))
            return bad("a value does not decode");
        fill_record(c, i, source, record);
        record.sample().value = std::move(value);
        if (wanted.has(c.seqs[i], c.points[i])) visit(record);
    }
    return {};
}

Result<void> visit_opened(const Opened& opened, const BlockWanted& wanted,
                          const RecordVisit& visit) {
    Unpacker in = opened.rest;
    const std::size_t n = opened.span.count;
    Columns c;
    if (wanted.first_point != 0 || wanted.last_point != UINT32_MAX) {
        if (!pick_column(in, n, {}, c.seqs) || !get_column(in, n, c.points))
            return bad("columns do not decode");
        Places places;
        for (std::size_t i = 0; i < n; ++i)
            if (c.points[i] >= wanted.first_point && c.points[i] <= wanted.last_point)
                places.records.push_back(i);
        if (places.records.empty()) return {};
        if (places.records.size() < n / 2)
            return visit_picked(opened, in, std::move(places), c, wanted, visit);
        in = opened.rest;
    }
    if (!get_column(in, n, c.seqs) || !get_column(in, n, c.points))
        return bad("columns do not decode");
    bool any = wanted.all();
    for (std::size_t i = 0; i < n && !any; ++i) any = wanted.has(c.seqs[i], c.points[i]);
    return any ? visit_columns(opened, in, c, wanted, visit) : Result<void>{};
}

}  // namespace

Result<void> visit_block(std::span<const std::byte> bytes, const BlockWanted& wanted,
                         const RecordVisit& visit) {
    auto opened = open_block(bytes);
    if (!opened) return std::move(opened).error();
    return visit_opened(*opened, wanted, visit);
}

Result<void> block_index(std::span<const std::byte> bytes, std::vector<std::uint64_t>& seqs,
                         std::vector<std::uint64_t>& points) {
    auto opened = open_block(bytes);
    if (!opened) return std::move(opened).error();
    const std::size_t n = opened->span.count;
    if (get_column(opened->rest, n, seqs) && get_column(opened->rest, n, points)) return {};
    return bad("columns do not decode");
}

Result<Block> decode_block(std::span<const std::byte> bytes, PointId only) {
    auto opened = open_block(bytes);
    if (!opened) return std::move(opened).error();
    Block block;
    block.lane = opened->span.lane;
    block.head.assign(opened->head.begin(), opened->head.end());
    BlockWanted wanted;
    if (only.value != 0) wanted.first_point = wanted.last_point = only.value;
    if (wanted.all()) block.records.reserve(std::min<std::uint64_t>(opened->span.count, 4'096));
    auto done = visit_opened(*opened, wanted,
                             [&](Record& record) { block.records.push_back(std::move(record)); });
    if (!done) return std::move(done).error();
    return block;
}

Result<BlockSpan> peek_block(std::span<const std::byte> bytes) {
    auto opened = open_block(bytes);
    if (!opened) return std::move(opened).error();
    return opened->span;
}

Result<Bytes> block_head(std::span<const std::byte> bytes) {
    auto opened = open_block(bytes);
    if (!opened) return std::move(opened).error();
    return Bytes(opened->head.begin(), opened->head.end());
}

void encode_event(const Record& record, Bytes& out) {
    const Event& event = record.event();
    const auto start = out.size();
    Packer pack(out);
    pack.u8(kVersion);
    pack.varint(record.sinks);
    pack.varint(event.flags);
    pack.varint(event.boot.value);
    pack.zigzag(event.received.time_since_epoch().count());
    pack.zigzag(event.source_time.time_since_epoch().count());
    pack.text(event.device);
    pack.text(event.members);
    pack.fixed(crc32c(std::span(out).subspan(start)));
}

Result<void> decode_event(std::span<const std::byte> bytes, Record& record) {
    if (bytes.size() < kCrcBytes + 1) return bad("event too short");
    const auto body = bytes.first(bytes.size() - kCrcBytes);
    if (Unpacker(bytes.last(kCrcBytes)).fixed<std::uint32_t>() != crc32c(body))
        return bad("event checksum does not match");
    Unpacker in(body);
    if (in.u8() != kVersion) return bad("unknown event version");
    const std::uint64_t sinks = in.varint(), flags = in.varint(), boot = in.varint();
    Event& event = record.event();
    event.received = MonoTime{std::chrono::nanoseconds{in.zigzag()}};
    event.source_time = WallTime{std::chrono::nanoseconds{in.zigzag()}};
    event.device = in.text();
    event.members = in.text();
    if (!in.ok() || !in.empty() || sinks > UINT16_MAX || flags > UINT16_MAX || boot > UINT32_MAX)
        return bad("event does not decode");
    record.sinks = static_cast<std::uint16_t>(sinks);
    event.flags = static_cast<std::uint16_t>(flags);
    event.boot.value = static_cast<std::uint32_t>(boot);
    return {};
}

std::uint64_t ledger_bytes(const Record& record) {
    if (!record.is_sample()) {
        const Event& event = record.event();
        return 24 + event.channel.size() + event.device.size() + event.members.size();
    }
    const auto* text_value = std::get_if<std::string>(&record.sample().value);
    return 8 + (text_value ? text_value->size() : 0);
}

}  // namespace fog
