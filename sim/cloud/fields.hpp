#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/value.hpp"

namespace fog::sim {

/// The members of one JSON object, as flat as records and the ledger's lines are: a member that is
/// an object or array is there, but has no value. Plain text is read in place, at a fraction of a
/// parser's cost; whatever is unusual (escapes, other alphabets, nesting) goes through the parser.
/// Thread: its owner's. Blocks: never. Bounded by the text.
class Fields {
public:
    /// False: the text is no JSON object. It must live as long as what is asked.
    bool read(std::string_view text);
    /// Only if it is plain; false: it takes the parser to say what this is.
    bool read_plainly(std::string_view text);
    /// By the parser alone: read() says the same of every text.
    bool read_slowly(std::string_view text);
    /// The members of a parsed object; copies.
    void take(const nlohmann::json& object);

    bool has(std::string_view key) const { return find(key) != nullptr; }
    /// "" where there is no such text.
    std::string_view text(std::string_view key) const;
    /// 0 where there is no such whole number from 0 up.
    std::uint64_t number(std::string_view key) const;
    bool flag(std::string_view key, bool otherwise) const;
    /// Null where there is none, or an object or array.
    Value value(std::string_view key) const;

    enum class Kind : std::uint8_t { null, yes, no, natural, whole, real, text, nested };
    struct Member {
        std::string_view key, text;  // no text: ""
        Kind kind = Kind::null;
        std::uint64_t bits = 0;  // of a number: as its kind says

        /// Whether this is its name; by a literal it costs no call.
        template <std::size_t n>
        bool is(const char (&name)[n]) const {
            return key.size() == n - 1 && std::memcmp(key.data(), name, n - 1) == 0;
        }
        std::uint64_t number() const { return kind == Kind::natural ? bits : 0; }
    };
    /// All members; of two with one name the one that counts comes last.
    template <class Do>
    void each(const Do& act) const {
        for (std::size_t i = 0; i < count_; ++i) act(members_[i]);
        for (const Member& member : more_) act(member);
    }

private:
    static constexpr std::size_t kMembers = 24;

    const Member* find(std::string_view key) const;
    static bool number_at(std::string_view text, std::size_t& at, Member& out);

    std::array<Member, kMembers> members_{};
    std::size_t count_ = 0;
    std::deque<Member> more_;        // beyond kMembers
    std::deque<std::string> texts_;  // what the parser made
};

}  // namespace fog::sim
