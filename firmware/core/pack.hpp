#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace fog {

/// Appends little-endian numbers, LEB128 varints and length-prefixed bytes. No I/O.
class Packer {
public:
    explicit Packer(std::vector<std::byte>& out) : out_(out) {}
    void u8(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
    void varint(std::uint64_t value) {
        while (value >= 0x80) {
            u8(static_cast<std::uint8_t>(value | 0x80U));
            value >>= 7U;
        }
        u8(static_cast<std::uint8_t>(value));
    }
    void zigzag(std::int64_t value) {
        varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
    }
    template <class T>
    void fixed(T value) {
        const auto at = out_.size();
        out_.resize(at + sizeof(T));
        std::memcpy(out_.data() + at, &value, sizeof(T));
    }
    void raw(std::span<const std::byte> bytes) {
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    void text(std::string_view text) {
        varint(text.size());
        raw(std::as_bytes(std::span(text.data(), text.size())));
    }

private:
    std::vector<std::byte>& out_;
};

/// Reads what Packer wrote. After the first fault ok() is false and every read gives zero.
class Unpacker {
public:
    explicit Unpacker(std::span<const std::byte> in) : in_(in) {}
    std::uint8_t u8() {
        if (in_.empty()) return fail();
        const auto value = static_cast<std::uint8_t>(in_.front());
        in_ = in_.subspan(1);
        return value;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t byte = u8();
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) return ok_ ? value : 0;
        }
        return fail();
    }
    std::int64_t zigzag() {
        const std::uint64_t value = varint();
        return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
    }
    template <class T>
    T fixed() {
        T value{};
        const auto bytes = raw(sizeof(T));
        if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
        return value;
    }
    std::span<const std::byte> raw(std::size_t count) {
        if (count > in_.size()) return fail(), std::span<const std::byte>{};
        const auto bytes = in_.first(count);
        in_ = in_.subspan(count);
        return bytes;
    }
    std::string_view text() {
        const auto bytes = raw(varint());
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    bool ok() const { return ok_; }
    bool empty() const { return in_.empty(); }
    std::size_t left() const { return in_.size(); }

private:
    std::uint8_t fail() {
        ok_ = false;
        in_ = {};
        return 0;
    }
    std::span<const std::byte> in_;
    bool ok_ = true;
};

}  // namespace fog
