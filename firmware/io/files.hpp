#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "firmware/core/result.hpp"
#include "firmware/io/fd.hpp"

namespace fog {

/// Whole file, at most `most` bytes. Blocks on the disk.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t most = 16U << 20U);
/// Writes beside, fsync, rename, fsync of the folder: the file is whole, old or new. Blocks.
Result<void> write_file(const std::filesystem::path& path, std::string_view text,
                        unsigned mode = 0640);
Result<void> make_folder(const std::filesystem::path& path, unsigned mode = 0750);
/// Takes an exclusive lock on a file (created if needed) for the life of the Fd; Errc::busy with
/// the holder's pid if another process has it.
Result<Fd> lock_file(const std::filesystem::path& path);
/// "no such file or directory" etc. in words.
std::string errno_text(int error);
/// `n` random bytes from the kernel, as lower-case hex / as base64url without padding.
std::string random_hex(std::size_t n);
std::string random_base64url(std::size_t n);

}  // namespace fog
