#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/result.hpp"

namespace fog {

/// SHA-256 of a secret: what is kept and compared.
using Digest = std::array<std::uint8_t, 32>;

struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept;
};

Digest digest_of(std::string_view secret);
std::string digest_hex(const Digest& digest);
std::optional<Digest> parse_digest(std::string_view hex);
/// Takes the same time whatever differs.
bool same_digest(const Digest& a, const Digest& b);

/// What Argon2id costs: 19 MiB and two passes; tests use less.
struct PassphraseCost {
    std::uint64_t operations = 2;
    std::size_t memory_bytes = 19U << 20U;
};
/// Argon2id as a "$argon2id$..." text. Blocks: tens of milliseconds; never on fog-io.
Result<std::string> hash_passphrase(std::string_view passphrase, const PassphraseCost& cost);
bool passphrase_matches(std::string_view passphrase, const std::string& hash);

/// 256 random bits as base64url, 43 characters.
std::string random_secret();
/// Eight characters of 32 (no I, L, O, U): 40 random bits.
std::string random_claim_code();
/// Upper case, without blanks and '-', O read as 0, I and L as 1; empty if it is no code.
std::string normal_claim_code(std::string_view typed);

}  // namespace fog
