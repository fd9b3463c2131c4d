#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/io/logging.hpp"
#include "firmware/mqtt/broker_rig.hpp"

namespace {

/// A client that connects properly and then says anything, in pieces of `piece` bytes.
/// What of it was taken in; what is said back may be cut off by its own end.
std::vector<std::string> run(fog::mqtt::Version version, std::string_view bytes,
                             std::size_t piece) {
    using namespace fog::mqtt;
    rig::World world;
    rig::Peer peer(world);
    peer.send_raw(rig::Peer::connect_packet(version, "fuzz"));
    for (std::size_t at = 0; at < bytes.size() && !peer.line->closed; at += piece)
        peer.send_raw(bytes.substr(at, piece));
    world.commit(world.ring.items.size());
    world.seconds(3);
    std::vector<std::string> taken;
    for (const auto& item : world.ring.items) taken.push_back(item.topic + '\n' + item.payload);
    return taken;
}

}  // namespace

// Byte 0: version and the size of the pieces; the rest is what a connected client sends. How TCP
// cuts it must not matter.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fog::set_log_level(fog::LogLevel::error);
    if (size == 0 || size > 4096) return 0;
    const auto version = (data[0] & 1U) != 0 ? fog::mqtt::Version::v5 : fog::mqtt::Version::v3;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = (data[0] >> 1U) + 1U;
    if (run(version, bytes, bytes.size() + 1) != run(version, bytes, piece)) std::abort();
    return 0;
}
