#include "drivers/sim_device.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string>

#include "drivers/nanopb_frame/sim_wire.hpp"

namespace fog {

namespace {

using namespace std::chrono_literals;
using mcu_sim::Packet;
using mcu_sim::Writer;

constexpr std::uint8_t kAckWanted = 1, kAgain = 2, kOverflowed = 4;

std::uint32_t mixed(std::string_view text, std::uint64_t number) {
    std::uint64_t hash = 14695981039346656037U;
    for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    for (int at = 0; at < 8; ++at, number >>= 8U) hash = (hash ^ (number & 0xFFU)) * 1099511628211U;
    return static_cast<std::uint32_t>(hash ^ (hash >> 32U));
}

/// A microcontroller with a ring of frames, resend timers and its own tick clock.
class SimMcu final : public SimDevice {
public:
    SimMcu(std::string_view device_id, ConfigView& config)
        : device_id_(device_id),
          tick_hz_(static_cast<std::uint64_t>(config.integer("tick_hz", 1000, 1, 1'000'000))),
          first_tick_(static_cast<std::uint64_t>(config.integer("first_tick", 0, 0, 0xFFFFFFFF))),
          ring_frames_(static_cast<std::size_t>(config.integer("ring", 512, 16, 65536))),
          wants_crc16_(config.choice("crc", "crc32", {"crc32", "crc16"}) == "crc16"),
          writable_(config.texts("writable")) {}

    Bytes report(std::uint64_t id, std::span<const SimPoint> points, MonoTime now) override {
        learn(points);
        note_time(now);
        std::size_t first = 0;
        while (first < points.size()) {
            Writer data;
            data.varint(1, ticks(now));
            std::size_t next = first;
            while (next < points.size()) {
                const Bytes sample = encode_sample(points[next]);
                if (next > first && data.size() + sample.size() + 16 > max_payload_) break;
                data.bytes(2, sample);
                ++next;
            }
            Queued queued{data.done(), id, next == points.size(), next - first, false};
            if (ring_.size() >= ring_frames_) drop_oldest_unsent();
            ring_.push_back(std::move(queued));
            first = next;
        }
        return pump(now);
    }

    void feed(std::span<const std::byte> bytes) override {
        for (const std::byte byte : bytes) {
            if (byte != std::byte{0}) {
                if (half_.size() < 2048) half_.push_back(byte);
                continue;
            }
            if (const auto packet = mcu_sim::unpack(half_, welcomed_ && crc16_)) heard(*packet);
            half_.clear();
        }
    }

    Bytes tick(MonoTime now) override {
        note_time(now);
        return pump(now);
    }

    std::vector<std::uint64_t> take_acknowledged() override {
        return std::exchange(acknowledged_, {});
    }

private:
    struct Queued {
        Bytes payload;
        std::uint64_t id;
        bool last_of_id;
        std::size_t samples;
        bool overflowed;
    };

    std::uint32_t ticks(MonoTime now) const {
        const auto ns = static_cast<std::uint64_t>((now - booted_).count());
        const std::uint64_t passed =
            ns / 1'000'000'000U * tick_hz_ + ns % 1'000'000'000U * tick_hz_ / 1'000'000'000U;
        return static_cast<std::uint32_t>(first_tick_ + passed);
    }

    void note_time(MonoTime now) {
        if (nonce_ != 0) return;
        booted_ = now;
        nonce_ = mixed(device_id_, static_cast<std::uint64_t>(now.time_since_epoch().count())) | 1U;
    }

    /// Points are numbered as they are first seen; a new one makes a new schema.
    void learn(std::span<const SimPoint> points) {
        bool changed = false;
        for (const SimPoint& point : points) {
            if (std::ranges::find(names_, point.name) != names_.end()) continue;
            names_.push_back(point.name);
            const bool writable = std::ranges::find(writable_, point.name) != writable_.end();
            Writer one;
            one.varint(1, names_.size());
            one.text(2, point.name);
            if (!point.unit.empty()) one.text(3, point.unit);
            if (writable) one.varint(9, 1);
            schema_.bytes(1, one.done());
            changed = true;
        }
        if (!changed) return;
        std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
        SHA256(reinterpret_cast<const unsigned char*>(schema_.done().data()), schema_.size(),
               digest.data());
        hash_ = 0;
        for (unsigned at = 0; at < 8; ++at) hash_ |= std::uint64_t{digest[at]} << (8 * at);
        start_over();
    }

    Bytes encode_sample(const SimPoint& point) const {
        Writer sample;
        const auto at = std::ranges::find(names_, point.name);
        sample.varint(1, static_cast<std::uint64_t>(at - names_.begin()) + 1);
        if (is_null(point.value)) sample.varint(2, 1);  // SENSOR_FAILURE
        if (const auto* real = std::get_if<double>(&point.value)) sample.real(3, *real);
        if (const auto* whole = std::get_if<std::int64_t>(&point.value)) sample.zigzag(5, *whole);
        if (const auto* flag = std::get_if<bool>(&point.value)) sample.varint(6, *flag ? 1 : 0);
        if (const auto* text = std::get_if<std::string>(&point.value))
            sample.text(7, std::string_view(*text).substr(0, 128));
        return sample.done();
    }

    /// What was sent already keeps its number, so only frames behind the window can go.
    void drop_oldest_unsent() {
        if (in_flight_ >= ring_.size()) return;
        const auto victim = ring_.begin() + static_cast<long>(in_flight_);
        dropped_ += victim->samples;
        ring_.erase(victim);
    }

    void start_over() {
        welcomed_ = false;
        hello_due_ = MonoTime{};
    }

    void heard(const Packet& packet) {
        heard_ = true;
        const auto fields = mcu_sim::read_fields(packet.payload);
        if (packet.type == 1) {  // WELCOME
            welcomed_ = true;
            window_ = std::clamp<std::size_t>(mcu_sim::number_of(fields, 2), 1, 8);
            max_payload_ = std::clamp<std::size_t>(mcu_sim::number_of(fields, 3), 64, 1024);
            crc16_ = mcu_sim::number_of(fields, 4) == 1;
            again_from_start();
        }
        if (welcomed_ && packet.type != 4) take_ack(packet.ack);
        if (packet.type == 4) heard_nak(packet, mcu_sim::number_of(fields, 2));
        if (packet.type == 6)
            answer_schema(static_cast<std::size_t>(mcu_sim::number_of(fields, 2)));
        if (packet.type == 8) answer_command(fields);
        if (packet.type == 11) push(11, {});  // PING: any frame shows we live
    }

    void heard_nak(const Packet& packet, std::uint64_t reason) {
        if (reason == 4) return start_over();  // NO_SESSION
        if (!welcomed_) return;
        take_ack(packet.ack);
        if (reason == 0 || reason == 1) again_from_start();  // GAP, CRC
    }

    void take_ack(std::uint16_t ack) {
        const auto steps = static_cast<std::uint16_t>(ack - static_cast<std::uint16_t>(oldest_));
        if (steps == 0 || steps > in_flight_) return;
        for (unsigned step = 0; step < steps; ++step) {
            if (ring_.front().last_of_id) acknowledged_.push_back(ring_.front().id);
            ring_.pop_front();
        }
        oldest_ += steps;
        in_flight_ -= steps;
        to_repeat_ = std::min(to_repeat_, in_flight_);
        backoff_ = 200ms;
        timer_ = MonoTime{};
    }

    void again_from_start() {
        to_repeat_ = in_flight_;
        backoff_ = 200ms;
    }

    void answer_schema(std::size_t offset) {
        if (offset >= schema_.size()) return;
        const std::size_t some = std::min<std::size_t>(schema_.size() - offset, max_payload_ - 32);
        Writer part;
        part.fixed64(1, hash_);
        part.varint(2, offset);
        part.varint(3, schema_.size());
        part.bytes(4, std::span(schema_.done()).subspan(offset, some));
        push(7, part.done());
    }

    void answer_command(const std::vector<mcu_sim::Field>& fields) {
        Writer result;
        const std::uint64_t id = mcu_sim::number_of(fields, 1);
        const std::uint64_t point = mcu_sim::number_of(fields, 2);
        result.varint(1, id);
        const bool known = point >= 1 && point <= names_.size();
        if (!known) result.varint(2, 1);              // REFUSED
        for (const mcu_sim::Field& field : fields) {  // the value comes back as it was sent
            if (!known || field.number < 3 || field.number > 6) continue;
            if (field.wire_type == 1) result.fixed64(field.number, field.value);
            if (field.wire_type == 0) result.varint(field.number, field.value);
            if (field.wire_type == 2) result.bytes(field.number, field.bytes);
        }
        push(9, result.done());
    }

    void push(unsigned type, const Bytes& payload) {
        if (answers_.size() < 8) answers_.push_back({type, 0, 0, 0, payload});
    }

    Bytes pump(MonoTime now) {
        Bytes wire;
        if (std::exchange(heard_, false)) last_heard_ = now;
        if (names_.empty()) return wire;
        // Nobody answers although frames wait: perhaps somebody new who does not know us.
        if (welcomed_ && in_flight_ > 0 && now - last_heard_ > 8s) start_over();
        for (Packet& answer : std::exchange(answers_, {})) {
            answer.seq = static_cast<std::uint16_t>(oldest_ + in_flight_);
            mcu_sim::pack(answer, welcomed_ && crc16_, wire);
        }
        if (!welcomed_) {
            if (now >= hello_due_) send_hello(now, wire);
            return wire;
        }
        if (in_flight_ > 0 && timer_ != MonoTime{} && now >= timer_) {
            to_repeat_ = in_flight_;
            backoff_ = std::min<std::chrono::milliseconds>(backoff_ * 2, 2s);
            timer_ = MonoTime{};
        }
        for (std::size_t at = in_flight_ - to_repeat_; at < in_flight_; ++at)
            send_data(at, kAgain, wire);
        to_repeat_ = 0;
        while (in_flight_ < window_ && in_flight_ < ring_.size()) send_data(in_flight_++, 0, wire);
        if (in_flight_ > 0 && timer_ == MonoTime{}) timer_ = now + backoff_;
        return wire;
    }

    void send_hello(MonoTime now, Bytes& wire) {
        Writer hello;
        hello.text(1, device_id_);
        hello.text(2, "simulated");
        hello.text(3, "1.0");
        hello.varint(4, nonce_);
        hello.fixed64(5, hash_);
        hello.varint(6, tick_hz_);
        hello.varint(7, 1024);
        if (wants_crc16_) hello.varint(8, 1);
        hello.varint(9, oldest_);
        hello.varint(10, ticks(now));
        Packet packet;
        packet.seq = static_cast<std::uint16_t>(oldest_);
        packet.payload = hello.done();
        mcu_sim::pack(packet, false, wire);
        hello_due_ = now + 1s;
        last_heard_ = now;
    }

    void send_data(std::size_t at, std::uint8_t flags, Bytes& wire) {
        Queued& queued = ring_[at];
        if ((flags & kAgain) == 0 && dropped_ > 0) {
            Writer more;  // fields of a message may come in any order
            more.varint(3, std::exchange(dropped_, 0));
            queued.payload.insert(queued.payload.end(), more.done().begin(), more.done().end());
            queued.overflowed = true;
        }
        Packet packet;
        packet.type = 2;
        packet.flags =
            static_cast<std::uint8_t>(kAckWanted | flags | (queued.overflowed ? kOverflowed : 0));
        packet.seq = static_cast<std::uint16_t>(oldest_ + at);
        packet.payload = queued.payload;
        mcu_sim::pack(packet, crc16_, wire);
    }

    const std::string device_id_;
    const std::uint64_t tick_hz_;
    const std::uint64_t first_tick_;
    const std::size_t ring_frames_;
    const bool wants_crc16_;
    const std::vector<std::string> writable_;

    std::vector<std::string> names_;  // point ids are 1 + the index
    Writer schema_;
    std::uint64_t hash_ = 0;
    std::uint32_t nonce_ = 0;
    MonoTime booted_{};

    std::deque<Queued> ring_;   // the first in_flight_ of them were sent
    std::uint64_t oldest_ = 0;  // number of ring_.front()
    std::size_t in_flight_ = 0;
    std::size_t to_repeat_ = 0;  // the last so many of those in flight
    std::uint64_t dropped_ = 0;  // samples, to be told with the next DATA
    std::size_t window_ = 8;
    std::size_t max_payload_ = 256;
    bool welcomed_ = false, crc16_ = false, heard_ = false;
    MonoTime hello_due_{}, timer_{}, last_heard_{};
    std::chrono::milliseconds backoff_{200};
    std::vector<Packet> answers_;
    std::vector<std::uint64_t> acknowledged_;
    Bytes half_;
};

std::unique_ptr<SimDevice> make(std::string_view device_id, ConfigView& config) {
    return std::make_unique<SimMcu>(device_id, config);
}

}  // namespace

extern const SimDeviceInfo nanopb_frame_sim_device;
const SimDeviceInfo nanopb_frame_sim_device{"nanopb_frame", "mcu.frame", make};

}  // namespace fog
