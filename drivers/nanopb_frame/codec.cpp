#include "drivers/nanopb_frame/codec.hpp"

#include <pb_decode.h>
#include <pb_encode.h>

#include <algorithm>
#include <array>

#include "drivers/framing/cobs.hpp"
#include "drivers/nanopb_frame/values.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/text.hpp"

namespace fog::mcu {

namespace {

constexpr std::size_t kMostPlain = kHeaderBytes + Limits{}.frame_bytes + 4;
constexpr std::size_t kMostWire = cobs_bound(kMostPlain);
constexpr std::size_t kMostOutput = 8192;  // the device's timers repeat what does not fit
constexpr std::size_t kKeptSchemas = 4;
constexpr std::size_t kKeptCommands = 8;

bool decode(const Frame& frame, const pb_msgdesc_t* fields, void* message) {
    pb_istream_t in = pb_istream_from_buffer(
        reinterpret_cast<const pb_byte_t*>(frame.payload.data()), frame.payload.size());
    return pb_decode(&in, fields, message);
}

constexpr unsigned number(Type type) {
    return static_cast<unsigned>(type);
}

}  // namespace

FrameCodec::FrameCodec(Options options)
    : options_(options), data_(std::make_unique<fog_mcu_Data>()) {}

FrameCodec::~FrameCodec() = default;

void FrameCodec::feed(std::span<const std::byte> bytes, Emit& out) {
    stats_.bytes += bytes.size();
    for (const std::byte byte : bytes) {
        ++half_bytes_;
        if (byte == std::byte{0}) {
            piece(out);
            half_.clear();
            half_bytes_ = 0;
        } else if (half_.size() <= kMostWire) {
            half_.push_back(byte);
        }
    }
}

/// One piece between delimiters: a frame, or nothing we know.
void FrameCodec::piece(Emit& out) {
    if (half_.empty()) {  // a delimiter alone: senders may start with one
        ++stats_.discarded_bytes;
        return;
    }
    const auto discard = [this](std::uint64_t& reason) {
        ++reason;
        stats_.discarded_bytes += half_bytes_;
        if (session_.up) nak_once(fog_mcu_NakReason_CRC);
    };
    if (half_.size() > kMostWire) return discard(stats_.oversized);
    const auto plain = cobs_decode(half_);
    if (!plain || plain->size() < kHeaderBytes + 2) return discard(stats_.bad_frame);
    const unsigned type = std::to_integer<unsigned>((*plain)[0]) & 0x0FU;
    const bool agreed16 = session_.up && session_.check == Check::crc16 && !always_crc32(type);
    auto frame = parse_frame(*plain, agreed16 ? Check::crc16 : Check::crc32);
    // A device that agreed on CRC-16 with a gateway that is gone must be told to start again.
    if (!frame && !session_.up) frame = parse_frame(*plain, Check::crc16);
    if (!frame) return discard(stats_.bad_crc);
    if (frame->header.version != kVersion) {
        ++stats_.bad_frame;
        stats_.discarded_bytes += half_bytes_;
        if (type == number(Type::hello)) nak(fog_mcu_NakReason_VERSION, 0);
        return;
    }
    ++stats_.frames;
    stats_.frame_bytes += half_bytes_;
    last_valid_ = mono_;
    dispatch(*frame, out);
}

void FrameCodec::dispatch(const Frame& frame, Emit& out) {
    if (frame.header.type == number(Type::hello)) return on_hello(frame);
    if (!session_.up) return nak(fog_mcu_NakReason_NO_SESSION, 0);
    switch (frame.header.type) {
        case number(Type::data):
            return on_data(frame, out);
        case number(Type::schema):
            return on_schema(frame);
        case number(Type::time):
            return on_time(frame);
        case number(Type::result):
            return on_result(frame, out);
        case number(Type::log):
            return on_log(frame, out);
        case number(Type::ping):
            ack_due_ = true;
            return;
        case number(Type::ack):
        case number(Type::nak):  // of a command: its sender waits for RESULT and asks again
            return;
        default:  // a type of a later protocol, or one that only we send
            return not_understood(frame, out, "frame type " + std::to_string(frame.header.type));
    }
}

/// The frame was whole, its content is not: it stays a frame, people can look at it.
void FrameCodec::not_understood(const Frame& frame, Emit& out, std::string_view why) {
    ++stats_.undecodable;
    out.raw(frame.payload, why);
}

void FrameCodec::on_hello(const Frame& frame) {
    fog_mcu_Hello hello = fog_mcu_Hello_init_zero;
    const bool good = decode(frame, fog_mcu_Hello_fields, &hello) && hello.device_id[0] != '\0' &&
                      valid_utf8(hello.device_id);
    if (!good) {
        ++stats_.undecodable;
        return;
    }
    // A device cannot miss more acknowledgements than its window: one that starts further back has
    // booted without a new nonce.
    const bool same_boot = session_.device_id == hello.device_id &&
                           session_.nonce == hello.boot_nonce && session_.number > 0 &&
                           hello.oldest + 2 * options_.window >= acked_;
    if (!same_boot) {
        session_.device_id = hello.device_id;
        session_.key = "mcu:" + session_.device_id;
        session_.nonce = hello.boot_nonce;
        session_.dropped = 0;
        expected_ = acked_ = hello.oldest;
        ticks_.restart(hello.tick_hz == 0 ? 1000 : hello.tick_hz);
        sent_commands_.clear();
    }
    // Frames the device gave up before it sent them: nothing to wait for.
    if (hello.oldest > expected_) expected_ = acked_ = hello.oldest;
    if (mono_ != MonoTime{}) ticks_.observe(hello.ticks, mono_);
    session_.up = true;
    ++session_.number;
    const bool crc16 = options_.crc16 && hello.crc == fog_mcu_Crc_CRC_16;
    session_.check = crc16 ? Check::crc16 : Check::crc32;
    const std::uint32_t can = hello.max_frame == 0 ? 256 : hello.max_frame;
    session_.max_payload = std::clamp<std::uint32_t>(can, 64, options_.max_payload);
    asked_again_ = false;

    fog_mcu_Welcome welcome = fog_mcu_Welcome_init_zero;
    welcome.session = session_.number;
    welcome.window = options_.window;
    welcome.max_frame = session_.max_payload;
    welcome.crc = crc16 ? fog_mcu_Crc_CRC_16 : fog_mcu_Crc_CRC_32;
    send(Type::welcome, fog_mcu_Welcome_fields, &welcome);

    wanted_hash_ = hello.schema_hash;
    if (schema_known()) return;
    const auto kept = std::ranges::find(kept_schemas_, wanted_hash_, &Schema::hash);
    if (kept != kept_schemas_.end()) {
        schema_ = *kept;
        return;
    }
    if (assembly_.hash() != wanted_hash_) assembly_.start(wanted_hash_);
    request_schema();
}

void FrameCodec::request_schema() {
    fog_mcu_SchemaReq request = fog_mcu_SchemaReq_init_zero;
    request.hash = wanted_hash_;
    request.offset = assembly_.wanted();
    send(Type::schema_req, fog_mcu_SchemaReq_fields, &request);
}

void FrameCodec::on_schema(const Frame& frame) {
    fog_mcu_SchemaPart part = fog_mcu_SchemaPart_init_zero;
    if (schema_known()) return;
    if (!decode(frame, fog_mcu_SchemaPart_fields, &part)) {
        ++stats_.undecodable;
        return;
    }
    const auto chunk = std::as_bytes(std::span(part.chunk.bytes, part.chunk.size));
    switch (assembly_.take(part.hash, part.offset, part.total, chunk, schema_)) {
        case SchemaAssembly::Step::ignored:  // an answer to an older question
            return;
        case SchemaAssembly::Step::more:
            return request_schema();
        case SchemaAssembly::Step::done:
            if (kept_schemas_.size() == kKeptSchemas) kept_schemas_.pop_front();
            kept_schemas_.push_back(schema_);
            return;
        case SchemaAssembly::Step::broken:
            // Not asked for again at once: the next DATA does, at the device's own pace.
            schema_ = {};
            ++stats_.undecodable;
            return;
    }
}

void FrameCodec::on_data(const Frame& frame, Emit& out) {
    const auto step = static_cast<std::int16_t>(
        static_cast<std::uint16_t>(frame.header.seq - static_cast<std::uint16_t>(expected_)));
    if (step < 0) {
        ++stats_.repeated;
        ack_due_ = true;
        return;
    }
    if (step > 0) return nak_once(fog_mcu_NakReason_GAP);
    if (!schema_known()) return request_schema();  // not taken: it comes again
    ++expected_;
    asked_again_ = false;
    // pb_decode() clears the message itself.
    if (!decode(frame, fog_mcu_Data_fields, data_.get()))
        return not_understood(frame, out, "DATA does not decode");
    const bool fresh = (frame.header.flags & flags::kAgain) == 0;
    if (fresh && mono_ != MonoTime{}) ticks_.observe(data_->ticks, mono_);
    emit_data(out);
}

void FrameCodec::emit_data(Emit& out) {
    for (const fog_mcu_Sample& sample : std::span(data_->samples, data_->samples_count)) {
        const PointInfo* point = schema_.find(sample.point);
        if (point == nullptr) {
            out.raw({}, "point " + std::to_string(sample.point) + " is not in the schema of " +
                            session_.device_id);
            continue;
        }
        Decoded decoded = decode_value(sample, *point);
        emit(out, point->name, std::move(decoded.value), point->unit, decoded.quality,
             wall_of(data_->ticks - sample.age), false);
    }
    if (data_->dropped == 0) return;
    session_.dropped += data_->dropped;
    stats_.device_dropped += data_->dropped;
    emit(out, "device_dropped", static_cast<std::int64_t>(session_.dropped), "", {},
         wall_of(data_->ticks), true);
}

void FrameCodec::emit(Emit& out, const std::string& point, Value value, const std::string& unit,
                      Quality quality, WallTime when, bool diagnostic) {
    Reading reading;
    reading.device_key = session_.key;
    reading.device_name = session_.device_id;
    reading.point = point;
    reading.value = std::move(value);
    reading.unit = unit;
    reading.source_time = when;
    reading.quality = quality;
    reading.diagnostic = diagnostic;
    ++stats_.readings;
    out.reading(std::move(reading));
}

WallTime FrameCodec::wall_of(std::uint32_t ticks) const {
    const auto when = ticks_.when(ticks);
    if (!when || wall_ == WallTime{}) return {};
    return std::min(wall_, wall_ - (mono_ - *when));
}

void FrameCodec::on_time(const Frame& frame) {
    fog_mcu_Time time = fog_mcu_Time_init_zero;
    if (!decode(frame, fog_mcu_Time_fields, &time)) {
        ++stats_.undecodable;
        return;
    }
    if (mono_ != MonoTime{}) ticks_.observe(time.t1, mono_);
    const auto micros = [](auto t) {
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count());
    };
    time.t2 = time.t3 = micros(mono_);
    time.utc = micros(wall_) / 1000;
    send(Type::time, fog_mcu_Time_fields, &time);
}

void FrameCodec::on_result(const Frame& frame, Emit& out) {
    fog_mcu_CommandResult result = fog_mcu_CommandResult_init_zero;
    if (!decode(frame, fog_mcu_CommandResult_fields, &result))
        return not_understood(frame, out, "RESULT does not decode");
    const auto sent = std::ranges::find(sent_commands_, result.id,
                                        &std::pair<std::uint32_t, std::uint32_t>::first);
    const PointInfo* point = sent != sent_commands_.end() ? schema_.find(sent->second) : nullptr;
    if (point == nullptr || result.code != fog_mcu_ResultCode_DONE)
        return out.raw(frame.payload, "command " + std::to_string(result.id) + " ended with code " +
                                          std::to_string(result.code));
    if (result.which_read_back == 0) return;
    Decoded decoded = decode_value(result, *point);
    emit(out, point->name, std::move(decoded.value), point->unit, decoded.quality, wall_, false);
}

void FrameCodec::on_log(const Frame& frame, Emit& out) {
    fog_mcu_Log log = fog_mcu_Log_init_zero;
    if (!decode(frame, fog_mcu_Log_fields, &log))
        return not_understood(frame, out, "LOG does not decode");
    emit(out, "log", repair_utf8(log.text), "", {}, wall_, true);
}

void FrameCodec::tell_time(MonoTime mono, WallTime wall) {
    mono_ = mono;
    wall_ = wall;
    if (!session_.up || last_valid_ == MonoTime{}) return;
    const auto usual =
        std::chrono::milliseconds{std::max<std::uint32_t>(schema_.longest_interval_ms(), 1000)};
    if (mono - std::max(last_valid_, last_ping_) < 3 * usual) return;
    last_ping_ = mono;
    send(Type::ping, nullptr, nullptr);
}

void FrameCodec::committed() {
    if (acked_ == expected_) return;
    acked_ = expected_;
    ack_due_ = true;
}

Bytes FrameCodec::take_output() {
    if (ack_due_ && session_.up) {
        send(Type::ack, nullptr, nullptr);
        ack_due_ = false;
    }
    return std::exchange(output_, {});
}

void FrameCodec::nak(std::uint32_t reason, std::uint32_t seq) {
    fog_mcu_Nak nak = fog_mcu_Nak_init_zero;
    nak.seq = seq;
    nak.reason = reason;
    if (reason == fog_mcu_NakReason_VERSION) {
        nak.versions_count = 1;
        nak.versions[0] = kVersion;
    }
    send(Type::nak, fog_mcu_Nak_fields, &nak);
}

void FrameCodec::nak_once(std::uint32_t reason) {
    if (std::exchange(asked_again_, true)) return;
    nak(reason, static_cast<std::uint16_t>(expected_));
}

void FrameCodec::send(Type type, const pb_msgdesc_t* fields, const void* message) {
    std::array<pb_byte_t, 256> payload{};
    std::size_t size = 0;
    if (fields != nullptr) {
        pb_ostream_t out = pb_ostream_from_buffer(payload.data(), payload.size());
        if (!pb_encode(&out, fields, message)) return;  // cannot happen: all we send is smaller
        size = out.bytes_written;
    }
    if (output_.size() + cobs_bound(size + kHeaderBytes + 4) + 1 > kMostOutput) return;
    Header header;
    header.type = number(type);
    header.ack = static_cast<std::uint16_t>(acked_);
    encode_frame(header, std::as_bytes(std::span(payload.data(), size)), session_.check, output_);
}

Result<Bytes> FrameCodec::encode(const Command& command) {
    if (!schema_known() || command.device_key != session_.key)
        return Error{Errc::unreachable, command.device_key + " is not connected", {}};
    const PointInfo* point = schema_.find(command.point);
    if (point == nullptr)
        return Error{Errc::not_found, session_.device_id + " has no point " + command.point, {}};
    if (!point->writable) return Error{Errc::refused, command.point + " cannot be written", {}};
    fog_mcu_Command message = fog_mcu_Command_init_zero;
    message.id = next_command_;
    message.point = point->id;
    if (auto put = encode_value(command.value, *point, message); !put) return put.error();
    if (command.expires != MonoTime{}) {
        if (command.expires <= mono_)
            return Error{Errc::timeout, "the command expired before it was sent", {}};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::min<std::chrono::nanoseconds>(command.expires - mono_, std::chrono::hours{1}));
        const auto ticks = static_cast<std::uint64_t>(left.count()) * ticks_.tick_hz() / 1000;
        message.expires = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ticks, 1, ~0U));
    }
    if (sent_commands_.size() == kKeptCommands) sent_commands_.pop_front();
    sent_commands_.emplace_back(next_command_++, point->id);
    const Bytes others = std::exchange(output_, {});
    send(Type::command, fog_mcu_Command_fields, &message);
    Bytes bytes = std::exchange(output_, others);
    return bytes;
}

void FrameCodec::forget_half_frame() {
    stats_.discarded_bytes += half_bytes_;
    if (half_bytes_ > 0) ++stats_.bad_frame;
    half_.clear();
    half_bytes_ = 0;
}

void FrameCodec::reset(Cause cause) {
    forget_half_frame();
    output_.clear();
    ack_due_ = false;
    asked_again_ = false;
    const bool taken_back = expected_ != acked_;
    expected_ = acked_;  // what was not committed is sent again
    switch (cause) {
        case Cause::timeout:
            if (taken_back && session_.up) nak(fog_mcu_NakReason_BUSY, 0);
            return;
        case Cause::opened:
        case Cause::reconnected:
        case Cause::stopped:
            // Another device may be at the other end: it has to say who it is. The boot nonce and
            // the numbers stay, so that the same one goes on where it was.
            session_.up = false;
            return;
    }
}

}  // namespace fog::mcu
