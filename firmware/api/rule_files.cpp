#include "firmware/api/rule_files.hpp"

#include <algorithm>
#include <filesystem>

#include "firmware/config/json.hpp"
#include "firmware/core/crc32c.hpp"
#include "firmware/core/reading.hpp"

namespace fog {

RuleFile rule_file(StoredObject stored) {
    RuleFile file;
    file.version = 1 + std::uint64_t{crc32c(as_bytes(write_json(stored.object.node)))};
    file.id = std::move(stored.object.id);
    file.etag = std::move(stored.etag);
    file.managed = stored.object.managed;
    file.node = std::move(stored.object.node);
    return file;
}

RuleFolder read_rules(const ObjectStore& store) {
    RuleFolder folder;
    for (StoredObject& stored : store.list(folder.faults))
        folder.files.push_back(rule_file(std::move(stored)));
    for (const Fault& fault : folder.faults)
        folder.broken.push_back(std::filesystem::path(fault.mark.file).stem().string());
    return folder;
}

std::vector<Fault> apply_rules(const RuleFolder& folder, RuleEngine& engine, RuleMoment moment,
                               Effects& effects, std::string_view who) {
    std::vector<Fault> faults = folder.faults;
    const auto running = engine.list();
    for (const RuleFile& file : folder.files) {
        const bool same =
            std::any_of(running.begin(), running.end(), [&file](const RuleInfo& rule) {
                return rule.id == file.id && rule.version == file.version;
            });
        if (same) continue;
        auto found = engine.load(file.id, file.node, file.version, who, moment, effects);
        faults.insert(faults.end(), found.begin(), found.end());
    }
    for (const RuleInfo& rule : running) {
        const bool kept =
            std::any_of(folder.files.begin(), folder.files.end(),
                        [&rule](const RuleFile& file) { return file.id == rule.id; }) ||
            std::find(folder.broken.begin(), folder.broken.end(), rule.id) != folder.broken.end();
        if (!kept) engine.remove(rule.id, moment, effects);
    }
    return faults;
}

}  // namespace fog
