#include "firmware/config/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

constexpr std::size_t kMostPointerBytes = 8U << 20U;  // of all nodes together

/// Builds Nodes from the library's events; false from an event stops the parse.
class Builder {
public:
    explicit Builder(const JsonBounds& bounds) : bounds_(bounds) {}

    bool null() { return add({}); }
    bool boolean(bool value) { return add(Node::Data(value)); }
    bool number_integer(std::int64_t value) { return add(Node::Data(value)); }
    bool number_unsigned(std::uint64_t value) {
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return stop("E0014", "integer does not fit in 64 bits", "send it as text or as 1.0e19");
        return add(Node::Data(static_cast<std::int64_t>(value)));
    }
    // The library hands integers beyond 64 bits over as doubles; their text tells.
    bool number_float(double value, const std::string& text) {
        if (text.find_first_of(".eE") == std::string::npos)
            return stop("E0014", "integer does not fit in 64 bits", "send it as text or as 1.0e19");
        return add(Node::Data(value));
    }
    bool string(std::string& value) { return add(Node::Data(std::move(value))); }
    bool binary(nlohmann::json::binary_t& /*value*/) { return false; }  // not in JSON text
    bool start_object(std::size_t /*size*/) { return open(Node::Data(Node::Table{})); }
    bool start_array(std::size_t /*size*/) { return open(Node::Data(Node::Array{})); }
    bool key(std::string& value) {
        open_.back().key = std::move(value);
        return true;
    }
    bool end_object() { return names_differ(*open_.back().node.table()) && close(); }
    bool end_array() { return close(); }
    bool parse_error(std::size_t offset, const std::string& /*token*/,
                     const nlohmann::detail::exception& error) {
        offset_ = offset > 0 ? offset - 1 : 0;
        std::string_view said = error.what();  // "[json...] parse error at line 1, column 2: ..."
        const std::size_t colon = said.find(": ");
        if (colon != std::string_view::npos) said.remove_prefix(colon + 2);
        return stop("E0011", repair_utf8(said), "the text is not valid JSON from here on");
    }

    std::optional<Node> take() {
        return fault_ ? std::nullopt : std::optional<Node>(std::move(root_));
    }
    std::optional<Fault>& fault() { return fault_; }
    std::optional<std::size_t> offset() const { return offset_; }

private:
    struct Open {
        Node node;
        std::string key;  // of the member being read
    };

    std::string next_pointer() const {
        if (open_.empty()) return "";
        const Open& parent = open_.back();
        if (parent.node.is_table()) return pointer_to(parent.node.pointer, parent.key);
        return parent.node.pointer + "/" + std::to_string(parent.node.array()->size());
    }

    bool count(const Node& node) {
        pointer_bytes_ += node.pointer.size();
        if (++nodes_ > bounds_.nodes)
            return stop("E0012", "more than " + std::to_string(bounds_.nodes) + " values", "");
        if (pointer_bytes_ > kMostPointerBytes)
            return stop("E0012", "too many values below too long names", "");
        return true;
    }

    bool add(Node::Data data) {
        Node node(std::move(data));
        node.pointer = next_pointer();
        return count(node) && place(std::move(node));
    }

    bool open(Node::Data data) {
        Open next{Node(std::move(data)), {}};
        next.node.pointer = next_pointer();
        open_.push_back(std::move(next));
        if (open_.size() > bounds_.depth)
            return stop("E0012",
                        "nested more than " + std::to_string(bounds_.depth) + " levels deep", "",
                        open_.back().node.pointer);
        return count(open_.back().node);
    }

    bool close() {
        Node done = std::move(open_.back().node);
        open_.pop_back();
        return place(std::move(done));
    }

    bool place(Node node) {
        if (open_.empty()) {
            root_ = std::move(node);
        } else if (Node::Array* items = open_.back().node.array()) {
            items->push_back(std::move(node));
        } else {
            open_.back().node.table()->emplace_back(std::move(open_.back().key), std::move(node));
        }
        return true;
    }

    bool names_differ(const Node::Table& members) {
        std::vector<std::string_view> names;
        names.reserve(members.size());
        for (const auto& [name, value] : members) names.push_back(name);
        std::sort(names.begin(), names.end());
        const auto twice = std::adjacent_find(names.begin(), names.end());
        if (twice == names.end()) return true;
        const std::string name(*twice);
        return stop("E0013", "'" + name + "' appears twice in one object", "remove one of them",
                    pointer_to(open_.back().node.pointer, name));
    }

    bool stop(std::string code, std::string detail, std::string hint, std::string pointer = {}) {
        if (pointer.empty()) pointer = next_pointer();
        fault_ = Fault{std::move(code),   std::move(pointer), {},
                       std::move(detail), std::move(hint),    false};
        return false;
    }

    JsonBounds bounds_;
    std::vector<Open> open_;
    Node root_;
    std::optional<Fault> fault_;
    std::optional<std::size_t> offset_;
    std::size_t nodes_ = 0;
    std::size_t pointer_bytes_ = 0;
};

void place_fault(Fault& fault, std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 = 0
    fault.mark.line =
        static_cast<std::uint32_t>(1 + std::count(before.begin(), before.end(), '\n'));
    fault.mark.column = static_cast<std::uint32_t>(before.size() - start + 1);
    fault.detail += " at byte " + std::to_string(offset);
    fault.pointer.clear();
}

void append_node(std::string& out, const Node& node) {
    if (const auto* truth = node.boolean()) {
        out += *truth ? "true" : "false";
    } else if (const auto* integer = node.integer()) {
        append_int(out, *integer);
    } else if (const auto* number = std::get_if<double>(&node.data)) {
        const std::size_t start = out.size();
        append_double(out, *number);
        if (std::isfinite(*number) && out.find_first_of(".eE", start) == std::string::npos)
            out += ".0";
    } else if (const auto* text = node.string()) {
        append_json_string(out, *text);
    } else if (const auto* items = node.array()) {
        out += '[';
        for (const Node& item : *items) {
            if (&item != items->data()) out += ',';
            append_node(out, item);
        }
        out += ']';
    } else if (const auto* members = node.table()) {
        out += '{';
        for (const auto& member : *members) {
            if (&member != members->data()) out += ',';
            append_json_string(out, member.first);
            out += ':';
            append_node(out, member.second);
        }
        out += '}';
    } else {
        out += "null";
    }
}

}  // namespace

std::optional<Node> parse_json(std::string_view text, std::vector<Fault>& faults,
                               const JsonBounds& bounds) {
    if (text.size() > bounds.bytes) {
        faults.push_back(
            {"E0012", "", {}, "larger than " + std::to_string(bounds.bytes) + " bytes", {}, false});
        return std::nullopt;
    }
    Builder builder(bounds);
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    if (!builder.fault()) return builder.take();
    if (builder.offset()) place_fault(*builder.fault(), text, *builder.offset());
    faults.push_back(std::move(*builder.fault()));
    return std::nullopt;
}

std::string write_json(const Node& node) {
    std::string out;
    append_node(out, node);
    return out;
}

std::string pointer_to(std::string_view parent, std::string_view key) {
    std::string out(parent);
    out += '/';
    for (const char c : key) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

}  // namespace fog
