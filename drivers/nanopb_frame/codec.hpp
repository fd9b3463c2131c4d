#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "drivers/codec.hpp"
#include "drivers/nanopb_frame/schema.hpp"
#include "drivers/nanopb_frame/tick_clock.hpp"
#include "drivers/nanopb_frame/wire.hpp"
#include "drivers/proto/mcu_link.pb.h"

namespace fog::mcu {

/// The gateway's end of the framed MCU link: handshake, schema, readings with acknowledgement after
/// the commit, time, commands. README.md has the wire. Pure: no I/O, no clock, no threads.
///
/// Frames are taken strictly in order. `expected_` counts what was taken, `acked_` what was
/// committed; reset() forgets the difference, and the device sends it again.
class FrameCodec final : public Codec {
public:
    struct Options {
        std::uint32_t window = 8;
        std::uint32_t max_payload = 256;
        bool crc16 = true;  // agree to CRC-16 when the device asks
    };
    explicit FrameCodec(Options options);
    ~FrameCodec() override;

    void feed(std::span<const std::byte> bytes, Emit& out) override;
    void tell_time(MonoTime mono, WallTime wall) override;
    Bytes take_output() override;
    bool acknowledges() const override { return true; }
    void committed() override;
    Result<Bytes> encode(const Command& command) override;
    void reset(Cause cause) override;
    CodecStats stats() const override { return stats_; }

private:
    struct Session {
        bool up = false;
        std::string device_id, key;
        std::uint32_t nonce = 0;
        std::uint32_t number = 0;
        Check check = Check::crc32;
        std::uint32_t max_payload = 256;
        std::uint64_t dropped = 0;  // samples the device gave up in this boot
    };

    void piece(Emit& out);
    void dispatch(const Frame& frame, Emit& out);
    void on_hello(const Frame& frame);
    void on_data(const Frame& frame, Emit& out);
    void on_schema(const Frame& frame);
    void on_time(const Frame& frame);
    void on_result(const Frame& frame, Emit& out);
    void on_log(const Frame& frame, Emit& out);
    void emit_data(Emit& out);
    void emit(Emit& out, const std::string& point, Value value, const std::string& unit,
              Quality quality, WallTime when, bool diagnostic);
    void not_understood(const Frame& frame, Emit& out, std::string_view why);

    bool schema_known() const { return session_.up && schema_.hash == wanted_hash_; }
    void request_schema();
    void nak(std::uint32_t reason, std::uint32_t seq);
    void nak_once(std::uint32_t reason);
    WallTime wall_of(std::uint32_t ticks) const;
    /// Adds a frame to the output; `message` is a nanopb struct with `fields` (none: no payload).
    void send(Type type, const pb_msgdesc_t* fields, const void* message);
    void forget_half_frame();

    const Options options_;
    Bytes half_;                  // bytes since the last delimiter, bounded
    std::size_t half_bytes_ = 0;  // the same, also when they were too many to keep
    Bytes output_;
    bool ack_due_ = false;
    bool asked_again_ = false;  // NAK sent for `expected_`; the device's timer does the rest
    Session session_;
    std::uint64_t expected_ = 0, acked_ = 0;  // full frame numbers of this boot
    std::uint64_t wanted_hash_ = 0;
    Schema schema_;
    SchemaAssembly assembly_;
    std::deque<Schema> kept_schemas_;  // of devices seen before, at most 4
    TickClock ticks_;
    MonoTime mono_{};
    WallTime wall_{};
    MonoTime last_valid_{}, last_ping_{};
    std::uint32_t next_command_ = 1;
    std::deque<std::pair<std::uint32_t, std::uint32_t>> sent_commands_;  // id, point; at most 8
    std::unique_ptr<fog_mcu_Data> data_;  // 18 KiB, used by one call at a time
    CodecStats stats_;
};

}  // namespace fog::mcu
