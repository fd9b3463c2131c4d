#include "firmware/io/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <vector>

#include "firmware/core/text.hpp"

namespace fog {
namespace fs = std::filesystem;
namespace {

Error io_error(std::string_view what, const fs::path& path, int error) {
    Errc code = Errc::storage_error;
    if (error == ENOENT) code = Errc::not_found;
    if (error == EACCES || error == EPERM || error == EROFS) code = Errc::denied;
    if (error == ENOSPC || error == EDQUOT) code = Errc::storage_full;
    return {code, std::string(what) + " " + path.string() + ": " + errno_text(error), {}};
}

Result<void> write_all(int fd, std::string_view text, const fs::path& path) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error("cannot write", path, errno);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

}  // namespace

std::string errno_text(int error) {
    return std::generic_category().message(error);
}

Result<std::string> read_file(const fs::path& path, std::size_t most) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return io_error("cannot read", path, errno);
    std::string text;
    std::array<char, 16384> chunk{};
    for (;;) {
        const auto n = ::read(fd.get(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error("cannot read", path, errno);
        if (n == 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(n));
        if (text.size() > most)
            return Error{Errc::bad_config,
                         path.string() + " is larger than " + std::to_string(most) + " bytes",
                         {}};
    }
}

Result<void> write_file(const fs::path& path, std::string_view text, unsigned mode) {
    const fs::path beside = path.string() + ".new" + random_hex(4);
    {
        const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (!fd) return io_error("cannot create", beside, errno);
        auto written = write_all(fd.get(), text, path);
        if (written && ::fsync(fd.get()) != 0) written = io_error("cannot sync", path, errno);
        if (!written) {
            ::unlink(beside.c_str());
            return written;
        }
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(beside.c_str());
        return io_error("cannot replace", path, error);
    }
    const auto parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const Fd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder) ::fsync(folder.get());
    return {};
}

Result<void> make_folder(const fs::path& path, unsigned mode) {
    std::error_code error;
    if (fs::is_directory(path, error)) return {};
    if (path.has_parent_path() && path.parent_path() != path)
        if (auto parent = make_folder(path.parent_path(), mode); !parent) return parent;
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return io_error("cannot create folder", path, errno);
    return {};
}

Result<Fd> lock_file(const fs::path& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (!fd) return io_error("cannot open lock file", path, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 32> pid{};
        const auto n = ::pread(fd.get(), pid.data(), pid.size() - 1, 0);
        const std::string holder(trim({pid.data(), n > 0 ? static_cast<std::size_t>(n) : 0}));
        return Error{Errc::busy,
                     path.parent_path().string() + " is in use by process " +
                         (holder.empty() ? "(unknown)" : holder),
                     "stop that process, or give this one another state folder"};
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 ||
        ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return io_error("cannot write lock file", path, errno);
    return fd;
}

std::string random_hex(std::size_t n) {
    std::vector<std::byte> bytes(n);
    if (::getrandom(bytes.data(), n, 0) != static_cast<ssize_t>(n)) std::abort();
    return hex(bytes);
}

std::string random_base64url(std::size_t n) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::vector<unsigned char> bytes(n);
    if (::getrandom(bytes.data(), n, 0) != static_cast<ssize_t>(n)) std::abort();
    std::string text;
    unsigned buffer = 0;
    unsigned bits = 0;
    for (const unsigned char byte : bytes) {
        buffer = (buffer << 8U) | byte;
        for (bits += 8; bits >= 6; bits -= 6) text += kAlphabet[(buffer >> (bits - 6)) & 63U];
    }
    if (bits > 0) text += kAlphabet[(buffer << (6 - bits)) & 63U];
    return text;
}

}  // namespace fog
