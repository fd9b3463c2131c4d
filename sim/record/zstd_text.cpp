#include "sim/record/zstd_text.hpp"

#include <zstd.h>

#include <array>

namespace fog::sim {
namespace {

constexpr int kLevel = 9;
constexpr int kWindow = 23;  // bits: 8 MiB
constexpr std::size_t kLongestLine = 1U << 20U;
constexpr std::string_view kMagic = "\x28\xB5\x2F\xFD";

struct FreeDecoder {
    void operator()(ZSTD_DCtx* one) const { ZSTD_freeDCtx(one); }
};
struct FreeEncoder {
    void operator()(ZSTD_CCtx* one) const { ZSTD_freeCCtx(one); }
};

Error damaged(std::string what) {
    return {Errc::bad_frame, std::move(what),
            "copy the file again, or record again; the first line tells where it was made: "
            "zstd -dc FILE | head -1"};
}

/// Collects pieces to lines.
class Lines {
public:
    explicit Lines(const std::function<Result<void>(std::string_view)>& take) : take_(take) {}
    Result<void> add(std::string_view piece) {
        while (!piece.empty()) {
            const std::size_t end = piece.find('\n');
            line_.append(piece.substr(0, end));
            if (line_.size() > kLongestLine) return damaged("a line is longer than 1 MiB");
            if (end == std::string_view::npos) return {};
            if (auto taken = take_(line_); !taken) return taken;
            line_.clear();
            piece.remove_prefix(end + 1);
        }
        return {};
    }
    bool whole() const { return line_.empty(); }

private:
    const std::function<Result<void>(std::string_view)>& take_;
    std::string line_;
};

}  // namespace

struct ZstdFile::Impl {
    std::filesystem::path path;
    std::ofstream file;
    std::unique_ptr<ZSTD_CCtx, FreeEncoder> zstd;
};

ZstdFile::ZstdFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZstdFile::ZstdFile(ZstdFile&&) noexcept = default;
ZstdFile::~ZstdFile() = default;

Result<ZstdFile> ZstdFile::open(const std::filesystem::path& file) {
    auto impl = std::make_unique<Impl>();
    impl->path = file;
    impl->file.open(file, std::ios::binary | std::ios::trunc);
    if (!impl->file) {
        return Error{Errc::storage_error, file.string() + " cannot be written",
                     "-o FILE in a folder that is there and yours"};
    }
    impl->zstd.reset(ZSTD_createCCtx());
    if (!impl->zstd) return Error{Errc::internal, "zstd: no memory", {}};
    ZSTD_CCtx_setParameter(impl->zstd.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(impl->zstd.get(), ZSTD_c_windowLog, kWindow);
    ZSTD_CCtx_setParameter(impl->zstd.get(), ZSTD_c_checksumFlag, 1);
    return ZstdFile(std::move(impl));
}

Result<void> ZstdFile::pass(std::string_view text, bool end) {
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    std::array<char, 64U << 10U> piece{};
    for (std::size_t left = 1; left != 0;) {
        ZSTD_outBuffer out{piece.data(), piece.size(), 0};
        left =
            ZSTD_compressStream2(impl_->zstd.get(), &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0) {
            return Error{Errc::internal, std::string("zstd: ") + ZSTD_getErrorName(left), {}};
        }
        impl_->file.write(piece.data(), static_cast<std::streamsize>(out.pos));
        if (!end && in.pos == in.size) break;
    }
    if (end) impl_->file.flush();
    if (impl_->file) return {};
    return Error{Errc::storage_full, impl_->path.string() + ": not all could be written",
                 "make room, or -o FILE elsewhere"};
}

Result<void> read_zstd_lines(std::string_view bytes, std::size_t most_text,
                             const std::function<Result<void>(std::string_view)>& take) {
    if (!bytes.starts_with(kMagic)) {
        return Error{Errc::bad_frame, "is no recording: it does not begin as zstd",
                     "'fogsim record' makes one"};
    }
    const std::unique_ptr<ZSTD_DCtx, FreeDecoder> zstd(ZSTD_createDCtx());
    if (!zstd) return Error{Errc::internal, "zstd: no memory", {}};
    ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, kWindow);
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::array<char, 64U << 10U> piece{};
    Lines lines(take);
    std::size_t text = 0;
    for (std::size_t left = 1; left != 0;) {
        ZSTD_outBuffer out{piece.data(), piece.size(), 0};
        left = ZSTD_decompressStream(zstd.get(), &out, &in);
        if (ZSTD_isError(left) != 0) {
            return damaged(std::string("is damaged: ") + ZSTD_getErrorName(left));
        }
        text += out.pos;
        if (text > most_text) {
            return Error{Errc::bad_frame,
                         "holds more than " + std::to_string(most_text >> 20U) + " MiB of text",
                         "record a shorter time: fogsim record --last"};
        }
        if (auto added = lines.add({piece.data(), out.pos}); !added) return added;
        if (left != 0 && in.pos == in.size && out.pos < piece.size()) {
            return damaged("was cut: it ends in the middle");
        }
    }
    if (in.pos != in.size) return damaged("has something behind its end");
    if (!lines.whole()) return damaged("was cut: its last line has no end");
    return {};
}

}  // namespace fog::sim
