#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "firmware/mqtt/raw_message.hpp"
#include "firmware/mqtt/retained.hpp"
#include "firmware/mqtt/session.hpp"

// What is read back from the log: rows of sessions, cursors, retained messages and wills, members
// of raw events. Byte 0 says which.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog::mqtt;
    if (size == 0) return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    Session session;
    Cursor cursor;
    if (data[0] == 'm') {
        static_cast<void>(read_raw_message({reinterpret_cast<const char*>(data) + 1, size - 1}));
    } else if (data[0] == 'c') {
        static_cast<void>(unpack_cursor(bytes, session, cursor));
    } else if (data[0] == 'r') {
        const auto row = unpack_retained("a/b", bytes, fog::BootId{1}, fog::MonoTime{});
        if (!row) return 0;
        const auto again = pack_retained(*row->message, row->at, fog::BootId{1}, {});
        if (!unpack_retained("a/b", again, fog::BootId{1}, {})) std::abort();
    } else if (data[0] == 'w') {
        KeptWill will, again;
        if (unpack_will(bytes, will) &&
            !unpack_will(pack_will(will.will, will.identity, will.credential), again))
            std::abort();
    } else if (unpack_session(bytes, session)) {
        Session again;
        if (!unpack_session(pack_session(session), again)) std::abort();
    }
    return 0;
}
