#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "firmware/core/result.hpp"

namespace fog::sim {

/// Text into one zstd frame with its checksum, into a file. Thread: one. Blocks: on the disk.
/// Without finish() the file is cut, and its reader says so.
class ZstdFile {
public:
    static Result<ZstdFile> open(const std::filesystem::path& file);
    ZstdFile(ZstdFile&&) noexcept;
    ~ZstdFile();
    Result<void> add(std::string_view text) { return pass(text, false); }
    Result<void> finish() { return pass({}, true); }

private:
    struct Impl;
    explicit ZstdFile(std::unique_ptr<Impl> impl);
    Result<void> pass(std::string_view text, bool end);
    std::unique_ptr<Impl> impl_;
};

/// The lines of a zstd frame, one by one, without their ends, until `take` fails. Memory: the
/// longest line and 8 MiB of window, whatever the frame says of itself. Pure.
/// Fails: bad_frame (no zstd, damaged, cut, a line or the whole too long), or what `take` said.
Result<void> read_zstd_lines(std::string_view bytes, std::size_t most_text,
                             const std::function<Result<void>(std::string_view)>& take);

}  // namespace fog::sim
