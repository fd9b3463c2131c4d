#include "drivers/framing/lines.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "firmware/core/reading.hpp"

using namespace fog;

namespace {

struct Seen {
    std::vector<std::string> pieces;
    std::size_t piece_bytes = 0;
    std::size_t oversized = 0, outside = 0, half = 0;  // bytes

    LineSplitter::Sink sink() {
        return {[this](std::string_view piece, std::size_t wire_bytes) {
                    pieces.emplace_back(piece);
                    piece_bytes += wire_bytes;
                },
                [this](LineSplitter::Drop why, std::size_t bytes) {
                    switch (why) {
                        case LineSplitter::Drop::oversized:
                            oversized += bytes;
                            break;
                        case LineSplitter::Drop::outside:
                            outside += bytes;
                            break;
                        case LineSplitter::Drop::half:
                            half += bytes;
                            break;
                    }
                }};
    }
};

Seen split(const LineFraming& framing, std::string_view text) {
    Seen seen;
    LineSplitter splitter(framing);
    splitter.feed(as_bytes(text), seen.sink());
    splitter.reset(seen.sink());
    CHECK(seen.piece_bytes + seen.oversized + seen.outside + seen.half == text.size());
    return seen;
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("lines: delimiter, carriage return stripped, empty lines skipped") {
    const Seen seen = split({}, "T=1\r\n\r\n\nT=2\nhalf");
    CHECK(seen.pieces == Pieces{"T=1", "T=2"});
    CHECK(seen.outside == 3);
    CHECK(seen.half == 4);
}

TEST_CASE("lines: a delimiter of several bytes") {
    LineFraming framing;
    framing.delimiter = "\r\n>";
    CHECK(split(framing, "a\nb\r\n>c\r\n\r\n>").pieces == Pieces{"a\nb", "c\r\n"});
}

TEST_CASE("lines: fixed length") {
    LineFraming framing;
    framing.kind = LineFraming::Kind::length;
    framing.length = 4;
    const Seen seen = split(framing, "abcdefghij");
    CHECK(seen.pieces == Pieces{"abcd", "efgh"});
    CHECK(seen.half == 2);
}

TEST_CASE("lines: start and end marks, garbage between, an end that was lost") {
    LineFraming framing;
    framing.kind = LineFraming::Kind::start_end;
    framing.start = "\x02";
    framing.end = "\x03";
    const Seen seen = split(framing, "zz\x02one\x03junk\x02two\x02three\x03");
    CHECK(seen.pieces == Pieces{"one", "three"});
    CHECK(seen.outside == 2 + 4 + 4);
}

TEST_CASE("lines: what is longer than the bound is dropped to the next delimiter") {
    LineFraming framing;
    framing.max_len = 8;
    const Seen seen =
        split(framing, "12345678\n123456789\nok\n" + std::string(100, 'x') + "\nok2\n");
    CHECK(seen.pieces == Pieces{"12345678", "ok", "ok2"});
    CHECK(seen.oversized == 10 + 101);
}

TEST_CASE("lines: a stream without any delimiter does not grow the buffer") {
    Seen seen;
    LineSplitter splitter{LineFraming{}};
    const std::string block(4096, 'x');
    for (int round = 0; round < 256; ++round) splitter.feed(as_bytes(block), seen.sink());
    CHECK(splitter.pending() == 256 * 4096);
    splitter.feed(as_bytes("\nT=1\n"), seen.sink());
    CHECK(seen.pieces == Pieces{"T=1"});
    CHECK(seen.oversized == 256 * 4096 + 1);
}

TEST_CASE("lines: any split gives the same pieces and drops") {
    std::mt19937 random(11);
    const std::string alphabet = "ab\r\n\x02\x03<>";
    LineFraming framings[4];
    framings[1].delimiter = "\r\n";
    framings[2].kind = LineFraming::Kind::start_end;
    framings[2].start = "<";
    framings[2].end = ">";
    framings[3] = framings[2];
    framings[3].start = framings[3].end = "ab";
    for (LineFraming& framing : framings) framing.max_len = 6;
    for (int round = 0; round < 400; ++round) {
        const LineFraming& framing = framings[random() % 4];
        std::string text;
        for (int at = 0; at < 200; ++at) text += alphabet[random() % alphabet.size()];
        const Seen whole = split(framing, text);
        Seen parts;
        LineSplitter splitter(framing);
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t some = std::min<std::size_t>(1 + random() % 5, text.size() - at);
            splitter.feed(as_bytes(std::string_view(text).substr(at, some)), parts.sink());
            at += some;
        }
        splitter.reset(parts.sink());
        CHECK(parts.pieces == whole.pieces);
        CHECK(parts.oversized == whole.oversized);
        CHECK(parts.outside == whole.outside);
        CHECK(parts.half == whole.half);
    }
}
