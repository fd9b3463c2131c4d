#include <cstdint>
#include <string_view>

#include "sim/cloud/mqtt_packet.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using fog::sim::MqttType;
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (int version = 4; version <= 5; ++version) {
        std::string_view rest = bytes;
        while (true) {
            const auto frame = fog::sim::read_mqtt_frame(rest, 65'536);
            if (!frame || !*frame) break;
            if ((*frame)->used == 0 || (*frame)->used > rest.size()) __builtin_trap();
            (void)fog::sim::read_mqtt_connect(**frame);
            (void)fog::sim::read_mqtt_subscribe(**frame, version);
            (void)fog::sim::read_mqtt_ack(**frame);
            const auto publish = fog::sim::read_mqtt_publish(**frame, version);
            if (publish && (*frame)->type == MqttType::publish) {
                // What we write of a message reads back as the same.
                const std::string again = fog::sim::mqtt_publish(version, *publish);
                const auto second = fog::sim::read_mqtt_frame(again, 1U << 20U);
                const auto same = fog::sim::read_mqtt_publish(**second, version);
                if (!same || same->payload != publish->payload || same->id != publish->id) {
                    __builtin_trap();
                }
            }
            rest.remove_prefix((*frame)->used);
        }
    }
    return 0;
}
