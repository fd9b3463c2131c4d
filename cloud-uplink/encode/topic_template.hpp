#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/record_json.hpp"
#include "firmware/core/result.hpp"

namespace fog {

/// What a topic template may name.
enum class TopicPart : std::uint8_t { literal, gw, dev, pt, lane, kind };

/// The names of one record, valid as long as the record and its point directory.
struct TopicNames {
    std::string_view gw, dev, pt, lane, kind;
};
TopicNames topic_names(const Record& record, const RecordContext& context);

/// A topic with placeholders: `fogline/{gw}/{dev}/{pt}`. Pure; a parsed one is valid.
class TopicTemplate {
public:
    /// Fails with bad_config: the text names the position (character, from 1) and what is allowed.
    static Result<TopicTemplate> parse(std::string_view text, std::span<const TopicPart> allowed);

    /// Appends the topic; returns how many names had to be changed, because they held what MQTT
    /// does not allow in one level of a topic name (`/ + #`, controls, bad UTF-8: each becomes `_`)
    /// or were empty.
    std::size_t append(std::string& out, const TopicNames& names) const;
    bool uses(TopicPart part) const;

private:
    struct Piece {
        TopicPart part = TopicPart::literal;
        std::string text;
    };
    std::vector<Piece> pieces_;
};

}  // namespace fog
