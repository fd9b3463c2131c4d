#include "firmware/api/auth/secrets.hpp"

#include <sodium.h>

#include <cstring>

namespace fog {
namespace {

constexpr std::string_view kClaimAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kClaimLength = 8;

// Idempotent; the library picks its implementations and opens the random source.
void need_sodium() {
    static const int kReady = sodium_init();
    (void)kReady;
}

}  // namespace

std::size_t DigestHash::operator()(const Digest& digest) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, digest.data(), sizeof out);  // a digest is uniform already
    return out;
}

Digest digest_of(std::string_view secret) {
    need_sodium();
    Digest out{};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text as bytes
    const auto* bytes = reinterpret_cast<const unsigned char*>(secret.data());
    crypto_hash_sha256(out.data(), bytes, secret.size());
    return out;
}

std::string digest_hex(const Digest& digest) {
    std::string out(digest.size() * 2 + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), digest.data(), digest.size());
    out.pop_back();
    return out;
}

std::optional<Digest> parse_digest(std::string_view hex) {
    Digest out{};
    std::size_t size = 0;
    if (hex.size() != out.size() * 2 ||
        sodium_hex2bin(out.data(), out.size(), hex.data(), hex.size(), nullptr, &size, nullptr) !=
            0 ||
        size != out.size())
        return std::nullopt;
    return out;
}

bool same_digest(const Digest& a, const Digest& b) {
    return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<std::string> hash_passphrase(std::string_view passphrase, const PassphraseCost& cost) {
    need_sodium();
    std::array<char, crypto_pwhash_STRBYTES> out{};
    if (crypto_pwhash_str_alg(out.data(), passphrase.data(), passphrase.size(), cost.operations,
                              cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return Error{Errc::busy, "not enough memory to hash a passphrase", "try again"};
    return std::string(out.data());
}

bool passphrase_matches(std::string_view passphrase, const std::string& hash) {
    need_sodium();
    return hash.size() < crypto_pwhash_STRBYTES &&
           crypto_pwhash_str_verify(hash.c_str(), passphrase.data(), passphrase.size()) == 0;
}

std::string random_secret() {
    need_sodium();
    std::array<unsigned char, 32> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string out(sodium_base64_ENCODED_LEN(bytes.size(), kForm), '\0');
    sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), kForm);
    sodium_memzero(bytes.data(), bytes.size());
    out.pop_back();
    return out;
}

std::string random_claim_code() {
    need_sodium();
    std::string out;
    for (std::size_t i = 0; i < kClaimLength; ++i)
        out += kClaimAlphabet[randombytes_uniform(kClaimAlphabet.size())];
    return out;
}

std::string normal_claim_code(std::string_view typed) {
    std::string out;
    for (char c : typed) {
        if (c == '-' || c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (c == 'O') c = '0';
        if (c == 'I' || c == 'L') c = '1';
        if (kClaimAlphabet.find(c) == std::string_view::npos || out.size() == kClaimLength)
            return {};
        out += c;
    }
    return out.size() == kClaimLength ? out : std::string();
}

}  // namespace fog
