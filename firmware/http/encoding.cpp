#include "firmware/http/encoding.hpp"

#include <zlib.h>

#include <algorithm>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr int kGzipBits = 16;  // added to the window bits: gzip instead of zlib framing
constexpr int kWindowBits = 14;
constexpr int kMemoryLevel = 7;
constexpr int kLevel = 6;
constexpr std::size_t kChunk = 16U << 10U;

// zlib takes no const bytes but does not write to its input.
Bytef* input_of(std::string_view text) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

/// "q=0", "q=0.000": not wanted.
bool refused(std::string_view parameters) {
    while (!parameters.empty()) {
        const auto end = parameters.find(';');
        const auto one = trim(parameters.substr(0, end));
        parameters.remove_prefix(end == std::string_view::npos ? parameters.size() : end + 1);
        if (one.size() < 3 || !same_word(one.substr(0, 2), "q=")) continue;
        return one[2] == '0' && one.find_first_not_of("0.", 2) == std::string_view::npos;
    }
    return false;
}

}  // namespace

bool accepts(std::string_view list, std::string_view coding) {
    bool any = false;
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto item = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        const auto semicolon = item.find(';');
        const auto name = trim(item.substr(0, semicolon));
        const bool wanted =
            semicolon == std::string_view::npos || !refused(item.substr(semicolon + 1));
        if (same_word(name, coding)) return wanted;
        if (name == "*") any = wanted;
    }
    return any;
}

std::optional<std::string> gzip(std::string_view text) {
    z_stream stream{};
    if (::deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBits + kGzipBits, kMemoryLevel,
                       Z_DEFAULT_STRATEGY) != Z_OK)
        return std::nullopt;
    std::string out(text.size(), '\0');  // more is of no use
    stream.next_in = input_of(text);
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int end = ::deflate(&stream, Z_FINISH);
    out.resize(out.size() - stream.avail_out);
    ::deflateEnd(&stream);
    if (end != Z_STREAM_END) return std::nullopt;
    out.shrink_to_fit();
    return out;
}

struct Inflater::State {
    z_stream stream{};
    bool open = false;
    int last = Z_OK;
};

Inflater::Inflater(std::string_view gzip) : state_(std::make_unique<State>()) {
    state_->stream.next_in = input_of(gzip);
    state_->stream.avail_in = static_cast<uInt>(gzip.size());
    state_->open = ::inflateInit2(&state_->stream, MAX_WBITS + kGzipBits) == Z_OK;
}

Inflater::~Inflater() {
    if (state_->open) ::inflateEnd(&state_->stream);
}

bool Inflater::next(std::string& chunk) {
    chunk.clear();
    if (!state_->open || state_->last != Z_OK) return false;
    chunk.resize(kChunk);
    state_->stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    state_->stream.avail_out = static_cast<uInt>(chunk.size());
    state_->last = ::inflate(&state_->stream, Z_NO_FLUSH);
    chunk.resize(chunk.size() - state_->stream.avail_out);
    return !chunk.empty();
}

bool Inflater::complete() const {
    return state_->last == Z_STREAM_END;
}

}  // namespace fog
