#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fog::sim {

/// Takes what may be a secret out of any line: values whose name says so, and what stands before
/// the '@' of an address. Pure.
void remove_secrets(nlohmann::json& node);

/// Takes the names of a site out of a recording: each word becomes letters of no meaning, the same
/// word the same letters everywhere, so that patterns still fit what they did. Numbers and
/// separators stay ("freezer-3" becomes "b-3"). Free text is left out. Give it every line in the
/// order of the file. Thread: one.
class Namer {
public:
    /// A line of the case as it stands in the file.
    void apply(nlohmann::json& line);

private:
    std::string renamed(std::string_view name);
    void rename(nlohmann::json& object, const char* key);
    void record(nlohmann::json& line);
    void rule(nlohmann::json& line);
    std::map<std::string, std::string, std::less<>> words_;
};

}  // namespace fog::sim
