#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace fog {

/// How a stream of text is cut into pieces.
struct LineFraming {
    enum class Kind : std::uint8_t { delimiter, length, start_end } kind = Kind::delimiter;
    std::string delimiter = "\n";  // 1..4 bytes; a '\r' before "\n" is stripped
    std::size_t length = 0;        // of each piece, for Kind::length
    std::string start, end;        // 1..4 bytes each, for Kind::start_end
    std::size_t max_len = 1024;    // longer pieces are dropped up to their end
};

/// Cuts a byte stream into pieces; holds at most one unfinished piece. Pure: any split of the input
/// gives the same pieces. Every byte is reported exactly once, in a piece or as dropped.
class LineSplitter {
public:
    enum class Drop : std::uint8_t {
        oversized,  // one piece longer than max_len, told once it ends
        outside,    // between the end of a piece and the next start; empty pieces
        half,       // unfinished at reset()
    };
    struct Sink {
        /// `wire_bytes` counts delimiters too.
        std::function<void(std::string_view piece, std::size_t wire_bytes)> piece;
        std::function<void(Drop why, std::size_t bytes)> drop;
    };

    explicit LineSplitter(LineFraming framing);
    void feed(std::span<const std::byte> bytes, const Sink& sink);
    /// Forgets the unfinished piece.
    void reset(const Sink& sink);
    std::size_t pending() const { return seen_; }

private:
    void feed_byte(char byte, const Sink& sink);
    void finish(std::size_t delimiter_bytes, const Sink& sink);
    bool ends_with(std::string_view mark) const;
    void clear();

    LineFraming framing_;
    std::string held_;      // never longer than max_len plus the delimiter
    std::size_t seen_ = 0;  // bytes of the unfinished piece, kept or not
    bool too_long_ = false;
    bool inside_ = true;  // start_end: after a start mark
};

}  // namespace fog
