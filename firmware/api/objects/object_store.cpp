#include "firmware/api/objects/object_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>

#include "firmware/config/layers.hpp"
#include "firmware/config/toml.hpp"
#include "firmware/io/files.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 1U << 20U;

// FNV-1a: two versions of one small file, not an adversary's.
std::string etag_of(std::string_view text) {
    std::uint64_t hash = 14'695'981'039'346'656'037ULL;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 1'099'511'628'211ULL;
    }
    std::array<char, 24> out{};
    std::snprintf(out.data(), out.size(), "\"%016llx\"", static_cast<unsigned long long>(hash));
    return out.data();
}

std::optional<StoredObject> parse(const std::string& text, const fs::path& file,
                                  std::vector<Fault>& faults) {
    auto object = parse_object(text, file, faults);
    if (!object) return std::nullopt;
    return StoredObject{std::move(*object), etag_of(text)};
}

Error bad_id(std::string_view id) {
    return {Errc::bad_request, "'" + std::string(id) + "' is not an id",
            "lower-case letters, digits and '-', at most 63"};
}

}  // namespace

fs::path ObjectStore::file_of(std::string_view id) const {
    return folder_ / (std::string(id) + ".toml");
}

std::vector<StoredObject> ObjectStore::list(std::vector<Fault>& faults) const {
    std::vector<StoredObject> out;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        const fs::path file = at->path();
        std::error_code ignored;
        if (file.extension() != ".toml" || file.filename().string().starts_with('.') ||
            !at->is_regular_file(ignored))
            continue;
        const auto text = read_file(file, kMostBytes);
        if (!text) {
            faults.push_back(
                {"E0023", "", {file.string(), 0, 0}, text.error().what, text.error().hint, false});
            continue;
        }
        if (auto one = parse(*text, file, faults)) out.push_back(std::move(*one));
    }
    std::sort(out.begin(), out.end(), [](const StoredObject& a, const StoredObject& b) {
        return a.object.id < b.object.id;
    });
    return out;
}

Result<StoredObject> ObjectStore::get(std::string_view id) const {
    if (!valid_object_id(id)) return bad_id(id);
    const fs::path file = file_of(id);
    const auto text = read_file(file, kMostBytes);
    if (!text && text.error().code == Errc::not_found)
        return Error{Errc::not_found, "there is no '" + std::string(id) + "'", ""};
    if (!text) return text.error();
    std::vector<Fault> faults;
    auto object = parse(*text, file, faults);
    if (object) return std::move(*object);
    return Error{Errc::bad_config, to_text(faults.front()), ""};
}

Result<void> ObjectStore::may_write(std::string_view id, const Precondition& when) const {
    const auto text = read_file(file_of(id), kMostBytes);
    const bool there = text.has_value();
    if (!there && text.error().code != Errc::not_found) return text.error();
    if (there && !text->starts_with(kManagedLine))
        return Error{Errc::denied, file_of(id).string() + " was written by hand",
                     "edit the file, or make its first line '" + std::string(kManagedLine) + "'"};
    if (there && when.if_none_match)
        return Error{Errc::conflict, "'" + std::string(id) + "' exists already", ""};
    if (there && when.if_match != etag_of(*text))
        return Error{Errc::conflict, "'" + std::string(id) + "' was changed meanwhile",
                     "read it again; the version now is " + etag_of(*text)};
    if (!there && !when.if_match.empty())
        return Error{Errc::conflict, "'" + std::string(id) + "' was removed meanwhile", ""};
    return {};
}

Result<StoredObject> ObjectStore::put(std::string_view id, const Node& node,
                                      const Precondition& when) {
    if (!valid_object_id(id)) return bad_id(id);
    if (node.find("id") != nullptr)
        return Error{Errc::bad_request, "'id' does not belong inside: it is in the path", ""};
    auto body = write_toml(node);
    if (!body) return std::move(body).error();
    const std::string text = std::string(kManagedLine) + "\n" + *body;
    if (text.size() > kMostBytes)
        return Error{Errc::bad_request, "the object is larger than 1 MiB", ""};
    return turn_.with([&](Turn&) -> Result<StoredObject> {
        if (auto may = may_write(id, when); !may) return std::move(may).error();
        if (auto done = write_file(file_of(id), text); !done) return std::move(done).error();
        return get(id);
    });
}

Result<void> ObjectStore::remove(std::string_view id, const Precondition& when) {
    if (!valid_object_id(id)) return bad_id(id);
    return turn_.with([&](Turn&) -> Result<void> {
        if (auto found = get(id); !found && found.error().code == Errc::not_found)
            return std::move(found).error();
        if (auto may = may_write(id, when); !may) return may;
        if (::unlink(file_of(id).c_str()) != 0)
            return Error{Errc::storage_error,
                         "cannot remove " + file_of(id).string() + ": " + errno_text(errno), ""};
        return {};
    });
}

}  // namespace fog
