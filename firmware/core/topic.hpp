#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "firmware/core/result.hpp"

namespace fog {

/// MQTT 3.1.1 section 4.7: levels split by '/', '+' one whole level, '#' the rest (and the parent).
/// Names may not contain wildcards or NUL, must be UTF-8; empty levels are legal for MQTT topics.
Result<void> check_topic_name(std::string_view topic, std::size_t max_bytes,
                              std::size_t max_levels);
Result<void> check_topic_filter(std::string_view filter, std::size_t max_bytes,
                                std::size_t max_levels);
/// Push channels (DESIGN section 2): as topics, but no empty level and no control character.
Result<void> check_channel(std::string_view channel);
Result<void> check_channel_pattern(std::string_view pattern);

/// Whether `filter` matches `topic`; topics that begin with '$' only match filters that do too.
bool topic_matches(std::string_view filter, std::string_view topic);
/// Whether every topic matched by `narrow` is matched by `wide` (both filters).
bool pattern_contains(std::string_view wide, std::string_view narrow);

/// Subscriptions by filter. match() walks one path per level plus wildcards, so that its cost
/// depends on depth and on what matches, not on how many entries do not.
/// Thread: its owner's. Blocks: never.
template <class T>
class TopicTrie {
public:
    /// Adds one more entry under `filter` (checked by the caller).
    void insert(std::string_view filter, T entry) {
        Node* node = &root_;
        for_levels(filter, [&](std::string_view level) {
            auto found = node->children.find(level);
            if (found == node->children.end())
                found = node->children.emplace(std::string(level), std::make_unique<Node>()).first;
            node = found->second.get();
        });
        node->entries.push_back(std::move(entry));
        ++size_;
    }

    /// Removes the first entry equal to `entry` under `filter`; false if there is none.
    bool erase(std::string_view filter, const T& entry) {
        std::vector<std::pair<Node*, std::string>> path;
        Node* node = &root_;
        bool found = true;
        for_levels(filter, [&](std::string_view level) {
            if (!found) return;
            auto child = node->children.find(level);
            if (child == node->children.end()) {
                found = false;
                return;
            }
            path.emplace_back(node, std::string(level));
            node = child->second.get();
        });
        if (!found) return false;
        for (auto it = node->entries.begin(); it != node->entries.end(); ++it) {
            if (!(*it == entry)) continue;
            node->entries.erase(it);
            --size_;
            prune(path);
            return true;
        }
        return false;
    }

    /// Calls `visit(const T&)` for every entry whose filter matches `topic`; order unspecified.
    template <class Visit>
    void match(std::string_view topic, Visit&& visit) const {
        walk(root_, topic, !topic.empty() && topic.front() == '$', visit);
    }

    std::size_t size() const { return size_; }

private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    struct Node {
        std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> children;
        std::vector<T> entries;
    };

    template <class Each>
    static void for_levels(std::string_view text, Each&& each) {
        for (;;) {
            const auto slash = text.find('/');
            each(text.substr(0, slash));
            if (slash == std::string_view::npos) return;
            text.remove_prefix(slash + 1);
        }
    }

    static void prune(std::vector<std::pair<Node*, std::string>>& path) {
        for (auto it = path.rbegin(); it != path.rend(); ++it) {
            auto child = it->first->children.find(it->second);
            if (!child->second->entries.empty() || !child->second->children.empty()) return;
            it->first->children.erase(child);
        }
    }

    template <class Visit>
    static void visit_rest(const Node& node, Visit& visit) {
        if (const auto rest = node.children.find(std::string_view("#"));
            rest != node.children.end())
            for (const T& entry : rest->second->entries) visit(entry);
    }

    template <class Visit>
    static void walk(const Node& node, std::string_view rest, bool no_wildcard, Visit& visit) {
        if (!no_wildcard) visit_rest(node, visit);
        const auto slash = rest.find('/');
        const auto level = rest.substr(0, slash);
        const bool last = slash == std::string_view::npos;
        const auto step = [&](const Node& child) {
            if (!last) return walk(child, rest.substr(slash + 1), false, visit);
            for (const T& entry : child.entries) visit(entry);
            visit_rest(child, visit);
        };
        if (const auto child = node.children.find(level); child != node.children.end())
            step(*child->second);
        if (no_wildcard || level == "+") return;
        if (const auto any = node.children.find(std::string_view("+")); any != node.children.end())
            step(*any->second);
    }

    Node root_;
    std::size_t size_ = 0;
};

}  // namespace fog
