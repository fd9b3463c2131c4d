#include "cloud-uplink/encode/topic_template.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/core/topic.hpp"

namespace fog {
namespace {

constexpr std::array<std::pair<std::string_view, TopicPart>, 5> kParts = {{
    {"gw", TopicPart::gw},
    {"dev", TopicPart::dev},
    {"pt", TopicPart::pt},
    {"lane", TopicPart::lane},
    {"kind", TopicPart::kind},
}};
constexpr std::size_t kTemplateBytes = 512;
constexpr std::size_t kTemplateLevels = 20;

bool contains(std::span<const TopicPart> parts, TopicPart part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
}

std::string allowed_text(std::span<const TopicPart> allowed) {
    std::string out;
    for (const auto& [name, part] : kParts)
        if (contains(allowed, part)) out += (out.empty() ? "{" : " {") + std::string(name) + "}";
    return out;
}

Error fault_at(std::size_t at, const std::string& what, std::span<const TopicPart> allowed,
               std::string_view word = {}) {
    Error error{Errc::bad_config,
                "character " + std::to_string(at + 1) + ": " + what +
                    "; allowed here: " + allowed_text(allowed),
                {}};
    std::vector<std::string_view> names;
    for (const auto& [name, part] : kParts)
        if (contains(allowed, part)) names.push_back(name);
    if (const auto near = word.empty() ? std::nullopt : nearest(word, names))
        error.hint = "did you mean {" + std::string(*near) + "}?";
    return error;
}

std::string_view value_of(TopicPart part, const TopicNames& names) {
    switch (part) {
        case TopicPart::gw:
            return names.gw;
        case TopicPart::dev:
            return names.dev;
        case TopicPart::pt:
            return names.pt;
        case TopicPart::lane:
            return names.lane;
        case TopicPart::kind:
            return names.kind;
        case TopicPart::literal:
            break;
    }
    return {};
}

bool unsafe(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '/' || c == '+' || c == '#' || byte < 0x20 || byte == 0x7F;
}

/// Appends a name as one topic level; true if it had to be changed.
bool append_level(std::string& out, std::string_view name) {
    if (name.empty()) {
        out += '_';
        return true;
    }
    if (std::none_of(name.begin(), name.end(), unsafe) && valid_utf8(name)) {
        out += name;
        return false;
    }
    const bool text = valid_utf8(name);
    for (const char c : name) {
        const bool bad_byte = !text && static_cast<unsigned char>(c) >= 0x80;
        out += unsafe(c) || bad_byte ? '_' : c;
    }
    return true;
}

}  // namespace

TopicNames topic_names(const Record& record, const RecordContext& context) {
    TopicNames names{context.gateway, {}, {}, to_text(record.lane), kind_of(record)};
    if (!record.is_sample()) {
        names.dev = record.event().device;
        return names;
    }
    const PointInfo* info =
        context.points != nullptr ? context.points->find(record.sample().point) : nullptr;
    if (info == nullptr) return names;
    names.dev = info->device;
    names.pt = info->point;
    return names;
}

Result<TopicTemplate> TopicTemplate::parse(std::string_view text,
                                           std::span<const TopicPart> allowed) {
    TopicTemplate out;
    std::string literal, probe;
    const auto flush = [&out, &literal] {
        if (!literal.empty())
            out.pieces_.push_back({TopicPart::literal, std::exchange(literal, {})});
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '+' || c == '#')
            return fault_at(at, std::string("'") + c + "' is a wildcard, not part of a topic",
                            allowed);
        if (c == '}') return fault_at(at, "'}' without '{'", allowed);
        if (c != '{') {
            literal += c;
            probe += c;
            continue;
        }
        const auto end = text.find('}', at);
        if (end == std::string_view::npos) return fault_at(at, "'{' is never closed", allowed);
        const auto word = text.substr(at + 1, end - at - 1);
        const auto* found = std::find_if(kParts.begin(), kParts.end(),
                                         [word](const auto& one) { return one.first == word; });
        if (found == kParts.end())
            return fault_at(at, "no placeholder {" + std::string(word) + "}", allowed, word);
        if (!contains(allowed, found->second))
            return fault_at(at, "{" + std::string(word) + "} has no meaning in this topic",
                            allowed);
        flush();
        out.pieces_.push_back({found->second, {}});
        probe += 'x';
        at = end;
    }
    flush();
    if (auto topic = check_topic_name(probe, kTemplateBytes, kTemplateLevels); !topic)
        return Error{Errc::bad_config, topic.error().what, topic.error().hint};
    return out;
}

std::size_t TopicTemplate::append(std::string& out, const TopicNames& names) const {
    std::size_t changed = 0;
    for (const Piece& piece : pieces_) {
        if (piece.part == TopicPart::literal)
            out += piece.text;
        else if (append_level(out, value_of(piece.part, names)))
            ++changed;
    }
    return changed;
}

bool TopicTemplate::uses(TopicPart part) const {
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [part](const Piece& piece) { return piece.part == part; });
}

}  // namespace fog
