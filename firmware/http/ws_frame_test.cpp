#include "firmware/http/ws_frame.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace ws = fog::ws;

namespace {

std::string masked(unsigned first, std::string_view payload) {
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) {
        out += static_cast<char>(0x80U | payload.size());
    } else {
        out += static_cast<char>(0xFE);
        out += static_cast<char>(payload.size() >> 8U);
        out += static_cast<char>(payload.size() & 0xFFU);
    }
    const std::string mask = "\x01\x02\x03\x04";
    out += mask;
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(payload[i] ^ mask[i % 4]);
    return out;
}

/// All events of the bytes, fed in pieces of `step`.
std::vector<ws::Decoder::Event> decode(const std::string& bytes, std::size_t step) {
    ws::Decoder decoder(1000);
    std::vector<ws::Decoder::Event> out;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        auto piece = std::as_bytes(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
        for (;;) {
            auto event = decoder.next(piece);
            if (event.kind == ws::Decoder::Kind::more) break;
            out.push_back(std::move(event));
        }
    }
    return out;
}

}  // namespace

TEST_CASE("ws frames: any split of the input gives the same messages") {
    const std::string bytes = masked(0x81, "hello") + masked(0x01, "frag") + masked(0x89, "ping") +
                              masked(0x00, "men") + masked(0x80, "ted") +
                              masked(0x82, std::string(300, 'b')) + masked(0x81, "") +
                              masked(0x88,
                                     "\x03\xE8"
                                     "bye");
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        const auto events = decode(bytes, step);
        REQUIRE(events.size() == 6);
        CHECK(events[0].data == "hello");
        CHECK(events[1].kind == ws::Decoder::Kind::ping);
        CHECK(events[2].data == "fragmented");
        CHECK(events[3].kind == ws::Decoder::Kind::binary);
        CHECK(events[3].data.size() == 300);
        CHECK(events[4].data.empty());
        CHECK(events[5].kind == ws::Decoder::Kind::close);
        CHECK(events[5].code == 1000);
        CHECK(events[5].data == "bye");
    }
}

TEST_CASE("ws frames: fragments together may not pass the limit") {
    std::string bytes = masked(0x01, std::string(600, 'a')) + masked(0x80, std::string(401, 'a'));
    const auto events = decode(bytes, 64);
    REQUIRE(events.size() == 1);
    CHECK(events[0].code == ws::kTooBig);
}

TEST_CASE("ws frames: a character split over fragments is whole text, half a one is 1007") {
    CHECK(decode(masked(0x01, "\xC3") + masked(0x80, "\xA4"), 3)[0].data == "\xC3\xA4");
    CHECK(decode(masked(0x81, "\xC3"), 3)[0].code == ws::kBadUtf8);
}

TEST_CASE("ws frames: lengths not in their shortest form are faults") {
    const std::string two("\x81\xFE\x00\x05\x01\x02\x03\x04", 8);
    CHECK(decode(two, 8)[0].code == ws::kProtocolError);
    const std::string eight("\x82\xFF\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04", 14);
    CHECK(decode(eight, 14)[0].code == ws::kProtocolError);
}

TEST_CASE("ws frames: headers of each size are what clients expect") {
    std::string out;
    ws::append_header(out, ws::Opcode::text, 125);
    ws::append_header(out, ws::Opcode::binary, 126);
    ws::append_header(out, ws::Opcode::pong, 0);
    ws::append_header(out, ws::Opcode::text, 65536);
    CHECK(out ==
          std::string("\x81\x7D\x82\x7E\x00\x7E\x8A\x00\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00",
                      18));
    CHECK(ws::close_frame(1012, "x") == std::string("\x88\x03\x03\xF4x", 5));
    CHECK(ws::accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("ws frames: a stream gives its bytes as they come and takes no text") {
    const std::string bytes = masked(0x82, "hello ") + masked(0x02, "fra") + masked(0x89, "ping") +
                              masked(0x00, "") + masked(0x80, "gment") + masked(0x82, "") +
                              masked(0x81, "text");
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        auto decoder = ws::Decoder::of_stream();
        std::string heard, others;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            auto piece =
                std::as_bytes(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
            for (;;) {
                const auto event = decoder.next(piece);
                if (event.kind == ws::Decoder::Kind::more) break;
                if (event.kind == ws::Decoder::Kind::binary)
                    heard += event.data;
                else
                    others += std::to_string(event.code) + event.data + ";";
            }
            CHECK(piece.empty());
        }
        CAPTURE(step);
        CHECK(heard == "hello fragment");
        CHECK(others == "0ping;1003text, only binary frames are taken here;");
    }
}
