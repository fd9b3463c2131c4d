#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "firmware/core/node.hpp"

namespace fog::sim {

/// Nodes that come from no file.
/// (emplace, because GCC 12 with sanitizers sees uninitialised bytes in a moved variant.)
inline Node number(double value) {
    Node node;
    node.data.emplace<double>(value);
    return node;
}
inline Node whole(std::int64_t value) {
    Node node;
    node.data.emplace<std::int64_t>(value);
    return node;
}
inline Node text(std::string value) {
    Node node;
    node.data.emplace<std::string>(std::move(value));
    return node;
}
inline Node list(std::vector<Node> items) {
    Node node;
    node.data.emplace<Node::Array>(std::move(items));
    return node;
}
inline Node table(std::initializer_list<Node::Member> members) {
    Node node;
    node.data.emplace<Node::Table>(members);
    return node;
}

}  // namespace fog::sim
