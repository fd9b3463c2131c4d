#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fog {

/// Whether a list as in Accept-Encoding or If-None-Match takes `coding`: named itself, or by `*`,
/// and not with q=0. Pure.
bool accepts(std::string_view list, std::string_view coding);

/// The text as gzip without name and time; nothing if it would not be smaller. Takes some 10 ms a
/// MiB: for fog-api, not for fog-io. Memory: 128 KiB meanwhile.
std::optional<std::string> gzip(std::string_view text);

/// Gives a gzip text back piece by piece. One thread; 44 KiB while it lives.
class Inflater {
public:
    /// `gzip` outlives this.
    explicit Inflater(std::string_view gzip);
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// The next piece, at most 16 KiB, into `chunk`; false at the end or where the text is broken.
    bool next(std::string& chunk);
    /// Everything came out and its checksum was right.
    bool complete() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace fog
