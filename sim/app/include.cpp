#include "sim/app/include.hpp"

#include <algorithm>

#include "firmware/config/toml.hpp"
#include "firmware/io/files.hpp"

namespace fog::sim {
namespace {

constexpr std::size_t kMaxBytes = 1U << 20U;
constexpr std::size_t kMaxDepth = 4;
constexpr std::size_t kMaxFiles = 32;

void merge(Node& base, Node own) {
    if (auto* table = own.table(); table != nullptr && base.is_table()) {
        for (auto& [key, value] : *table) {
            if (Node* there = base.find(key)) {
                merge(*there, std::move(value));
            } else {
                base.table()->emplace_back(key, std::move(value));
            }
        }
        base.mark = own.mark;
    } else if (auto* items = own.array(); items != nullptr && base.is_array()) {
        for (Node& item : *items) base.array()->push_back(std::move(item));
    } else {
        base = std::move(own);
    }
}

class Includer {
public:
    Includer(std::filesystem::path folder, std::vector<Fault>& faults)
        : folder_(std::move(folder)), faults_(faults) {}

    std::optional<Node> read(std::string_view text, std::string_view file, std::size_t depth) {
        auto root = parse_toml(text, file, faults_);
        if (!root) return std::nullopt;
        Node* list = root->find("include");
        if (list == nullptr || folder_.empty()) return root;
        const Node wanted = *list;
        auto* members = root->table();
        members->erase(std::find_if(members->begin(), members->end(), [](const Node::Member& each) {
            return each.first == "include";
        }));
        Node merged;
        merged.data.emplace<Node::Table>();
        if (wanted.array() == nullptr) return fault(wanted, "'include' is a list of files", {});
        for (const Node& name : *wanted.array()) {
            if (!name.is_string()) return fault(name, "'include' is a list of files", {});
            auto one = read_one(name, depth);
            if (!one) return std::nullopt;
            merge(merged, std::move(*one));
        }
        merge(merged, std::move(*root));
        return merged;
    }

private:
    std::optional<Node> fault(const Node& node, std::string detail, std::string hint) {
        faults_.push_back(
            {"S0112", node.pointer, node.mark, std::move(detail), std::move(hint), false});
        return std::nullopt;
    }

    std::optional<Node> read_one(const Node& node, std::size_t depth) {
        const std::string& name = *node.string();
        if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos) {
            return fault(node, "'" + name + "' is not beside the scenario", "a name without '..'");
        }
        if (depth >= kMaxDepth || ++files_ > kMaxFiles) {
            return fault(node, "files include each other more than 4 deep, or more than 32 of them",
                         "perhaps one includes itself");
        }
        const auto text = read_file(folder_ / name, kMaxBytes);
        if (!text) return fault(node, "there is no file '" + name + "' beside the scenario", {});
        return read(*text, name, depth + 1);
    }

    std::filesystem::path folder_;
    std::vector<Fault>& faults_;
    std::size_t files_ = 0;
};

}  // namespace

std::optional<Node> parse_with_includes(std::string_view text, std::string_view file,
                                        const std::filesystem::path& folder,
                                        std::vector<Fault>& faults) {
    return Includer(folder, faults).read(text, file, 0);
}

}  // namespace fog::sim
