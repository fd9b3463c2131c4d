#include "firmware/config/layers.hpp"

#include <algorithm>
#include <iterator>

#include "firmware/config/json.hpp"
#include "firmware/config/toml.hpp"

namespace fog {
namespace {

const std::string* id_of(const Node& node) {
    const Node* id = node.find("id");
    return id != nullptr ? id->string() : nullptr;
}

bool keyed(const Node& node) {
    const Node::Array* items = node.array();
    return items != nullptr && !items->empty() &&
           std::all_of(items->begin(), items->end(),
                       [](const Node& item) { return id_of(item) != nullptr; });
}

std::string place(const Mark& mark) {
    if (mark.line == 0) return mark.file;
    return mark.file + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
}

void join(Node& base, Node over, std::vector<Fault>& faults) {
    for (Node& item : *over.array()) {
        const std::string& id = *id_of(item);
        const auto twin = std::find_if(base.array()->begin(), base.array()->end(),
                                       [&](const Node& one) { return *id_of(one) == id; });
        if (twin == base.array()->end()) {
            base.array()->push_back(std::move(item));
            continue;
        }
        const Node& again = *item.find("id");
        faults.push_back({"E0020", again.pointer, again.mark,
                          "id '" + id + "' is here and at " + place(twin->find("id")->mark),
                          "rename or remove one of them", false});
    }
}

// The element or member of `at` that a path segment names.
Node* step(Node& at, std::string_view name) {
    if (Node::Array* items = at.array()) {
        const auto same = [&](const Node& item) {
            const std::string* id = id_of(item);
            return id != nullptr &&
                   std::equal(id->begin(), id->end(), name.begin(), name.end(),
                              [](char a, char b) { return a == b || (a == '-' && b == '_'); });
        };
        const auto found = std::find_if(items->begin(), items->end(), same);
        return found == items->end() ? nullptr : &*found;
    }
    return at.find(name);
}

// The order of the two is that of trust: what reads as TOML is typed, the rest is text.
Node value_of(std::string_view text, std::string_view origin) {
    std::vector<Fault> ignored;
    if (text.find('\n') == std::string_view::npos) {
        if (auto parsed = parse_toml("v = " + std::string(text), origin, ignored)) {
            if (Node* value = parsed->find("v"); value != nullptr && parsed->table()->size() == 1)
                return std::move(*value);
        }
    }
    return Node(Node::Data(std::string(text)));
}

void place_all(Node& node, const std::string& pointer, std::string_view origin) {
    node.pointer = pointer;
    node.mark = {std::string(origin), 0, 0};
    node.key_column = 0;
    if (Node::Table* members = node.table()) {
        for (auto& [key, value] : *members) place_all(value, pointer_to(pointer, key), origin);
    } else if (Node::Array* items = node.array()) {
        std::size_t index = 0;
        for (Node& item : *items) place_all(item, pointer + "/" + std::to_string(index++), origin);
    }
}

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t dot = path.find('.');
        parts.push_back(path.substr(0, dot));
        if (dot == std::string_view::npos) return parts;
        path.remove_prefix(dot + 1);
    }
}

}  // namespace

void merge_layer(Node& base, Node over, std::vector<Fault>& faults) {
    if (base.is_table() && over.is_table()) {
        for (auto& [key, value] : *over.table()) {
            if (Node* mine = base.find(key))
                merge_layer(*mine, std::move(value), faults);
            else
                base.table()->emplace_back(key, std::move(value));
        }
        return;
    }
    if (keyed(base) && keyed(over)) return join(base, std::move(over), faults);
    base = std::move(over);
}

void set_by_path(Node& root, std::string_view path, std::string_view text, std::string_view origin,
                 std::vector<Fault>& faults) {
    const auto parts = split(path);
    const auto refuse = [&](std::string detail, std::string hint) {
        faults.push_back(
            {"E0024", "", {std::string(origin), 0, 0}, std::move(detail), std::move(hint), false});
    };
    if (parts.size() > 16 ||
        std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); }))
        return refuse("'" + std::string(path) + "' is not section.key", "");
    Node* at = &root;
    std::string pointer;
    for (const std::string_view part : parts) {
        Node* next = step(*at, part);
        if (next == nullptr && at->is_array())
            return refuse("nothing with id '" + std::string(part) + "' in a list of " + pointer,
                          "objects are made in files, not from outside");
        if (next == nullptr && !at->is_table() && !at->is_null())
            return refuse("'" + pointer + "' is a " + std::string(at->kind()) + ", not a table",
                          "");
        pointer =
            next != nullptr && !next->pointer.empty() ? next->pointer : pointer_to(pointer, part);
        if (next == nullptr) next = &at->set(part, {});
        at = next;
    }
    *at = value_of(text, origin);
    place_all(*at, pointer, origin);
}

std::vector<std::pair<std::string, std::string>> environment_settings(
    const std::vector<std::pair<std::string, std::string>>& environment) {
    constexpr std::string_view kPrefix = "FOGLINE_";
    std::vector<std::pair<std::string, std::string>> settings;
    for (const auto& [name, value] : environment) {
        if (!name.starts_with(kPrefix) || name.find("__") == std::string::npos) continue;
        std::string path;
        for (std::size_t i = kPrefix.size(); i < name.size(); ++i) {
            const char c = name[i];
            if (c == '_' && i + 1 < name.size() && name[i + 1] == '_') {
                path += '.';
                ++i;
            } else {
                path += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            }
        }
        settings.emplace_back(std::move(path), value);
    }
    std::sort(settings.begin(), settings.end());
    return settings;
}

bool valid_object_id(std::string_view id) {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !id.empty() && id.size() <= 63 && good(id.front()) &&
           std::all_of(id.begin(), id.end(), [&](char c) { return good(c) || c == '-'; });
}

}  // namespace fog
