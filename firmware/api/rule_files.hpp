#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/api/objects/object_store.hpp"
#include "rules/engine/engine.hpp"

namespace fog {

/// One readable file of rules.d.
struct RuleFile {
    std::string id;
    std::string etag;
    bool managed = false;
    Node node;
    std::uint64_t version = 0;  // from the content: the same file is the same version
};
RuleFile rule_file(StoredObject stored);

/// What rules.d holds; a broken file does not stop the others.
struct RuleFolder {
    std::vector<RuleFile> files;
    std::vector<Fault> faults;        // of files that cannot be read
    std::vector<std::string> broken;  // their ids: what they held before stays active
};

/// Blocks on the disk.
RuleFolder read_rules(const ObjectStore& store);

/// Brings the engine to what the files say: loads new and changed ones, ends rules whose file is
/// gone. Returns all faults found. On fog-pipe, or before it runs.
std::vector<Fault> apply_rules(const RuleFolder& folder, RuleEngine& engine, RuleMoment moment,
                               Effects& effects, std::string_view who);

}  // namespace fog
