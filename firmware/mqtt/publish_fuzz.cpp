#include <cstdint>
#include <cstdlib>
#include <string>

#include "firmware/mqtt/encode.hpp"

// Byte 0: version; byte 1: flags; the rest is the body of a PUBLISH. What is accepted and sent on
// must read back as the same message.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog::mqtt;
    if (size < 2) return 0;
    const Version version = (data[0] & 1U) != 0 ? Version::v5 : Version::v3;
    Header header;
    header.type = Type::publish;
    header.flags = data[1] & 0x0FU;
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    Publish publish;
    if (read_publish(header, body, version, publish) || publish.topic.empty()) return 0;
    const Message message(
        Message::Parts{publish.topic, publish.payload, publish.properties.raw, publish.qos});
    std::string out;
    Delivery delivery;
    delivery.qos = publish.qos > 0 ? 1 : 0;
    delivery.id = publish.id;
    append_publish(out, message, version, delivery);
    Publish back;
    if (read_header(out, SIZE_MAX, header).refusal || header.whole() != out.size()) std::abort();
    const auto again = std::string_view(out).substr(header.size);
    if (read_publish(header, again, version, back)) std::abort();
    if (back.topic != publish.topic || back.payload != publish.payload) std::abort();
    if (back.properties.correlation != publish.properties.correlation) std::abort();
    return 0;
}
