#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/config/load.hpp"
#include "firmware/core/guarded.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/result.hpp"

namespace fog {

struct StoredObject {
    ObjectConfig object;
    std::string etag;  // strong, with quotes: changes with the bytes of the file
};

/// What a writer knows of the version it replaces. Both empty: nothing, which is refused for an
/// object that exists (the route answers 428).
struct Precondition {
    std::string if_match = {};   // the ETag read before
    bool if_none_match = false;  // "If-None-Match: *": only if there is none yet
};

/// One folder of objects, a TOML file each (rules.d, uplinks.d). Files that people wrote are read
/// and never touched; ours begin with "# managed by fogline".
///
/// Threads: fog-api; writers take turns. Blocks: on the disk. Fails: not_found; conflict (stale or
/// missing precondition); denied (a file written by hand); bad_request (id, value TOML can't hold).
class ObjectStore {
public:
    explicit ObjectStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// All readable objects by id; broken files add faults and are left out.
    std::vector<StoredObject> list(std::vector<Fault>& faults) const;
    Result<StoredObject> get(std::string_view id) const;
    /// Writes the whole object; the caller has checked it.
    Result<StoredObject> put(std::string_view id, const Node& node, const Precondition& when);
    Result<void> remove(std::string_view id, const Precondition& when);

private:
    std::filesystem::path file_of(std::string_view id) const;
    Result<void> may_write(std::string_view id, const Precondition& when) const;

    const std::filesystem::path folder_;
    struct Turn {};
    Guarded<Turn> turn_;
};

}  // namespace fog
