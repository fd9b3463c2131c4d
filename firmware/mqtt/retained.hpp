#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/core/clock.hpp"
#include "firmware/core/ids.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/mqtt/encode.hpp"

namespace fog::mqtt {

/// When a message was taken: of two for one topic the later one holds, wherever they are found
/// after a restart.
struct TakenAt {
    BootId boot;
    MonoTime time;
    auto operator<=>(const TakenAt&) const = default;
};

/// The retained message of each topic, in memory, and which of them differ from their rows in the
/// log's state table.
/// Thread: its owner's. Bounded by Limits; what has expired goes when it is looked at or swept.
class Retained {
public:
    explicit Retained(const Limits& limits) : limits_(limits) {}

    /// Keeps the message under its topic, or removes what is there if its payload is empty.
    /// `logged`: the log has it too. False: full, nothing has changed.
    [[nodiscard]] bool set(const MessagePtr& message, TakenAt at = {}, bool logged = false);
    /// Whether set() would take it.
    bool takes(const MessagePtr& message) const;
    /// As the log has it, at a start: unless what is there is newer. What was acknowledged has
    /// room, also while what was deleted meanwhile is still there.
    /// `restarted`: its expiry is counted anew, since how much of it was over is not known.
    void set_if_newer(const MessagePtr& message, TakenAt at, bool restarted = false);
    /// Those whose topic matches, in order of topics, after topic `after`, at most `most`; the
    /// topic to go on after, empty at the end.
    std::string visit(std::string_view filter, const std::string& after, std::size_t most,
                      MonoTime now, const std::function<void(const MessagePtr&)>& each) const;
    void sweep(MonoTime now);
    /// When the newest one of this boot was taken.
    MonoTime newest(BootId boot) const;
    std::size_t size() const { return by_topic_.size(); }
    std::size_t bytes() const { return bytes_; }

    // --- rows

    /// A row as it was read; empty: there is none any more. What is there and newer stays. No
    /// bound: see set_if_newer(). False: not one of ours.
    [[nodiscard]] bool restore(std::string_view topic, std::span<const std::byte> row, BootId boot,
                               MonoTime now);
    /// What changed is written by save(): `all`, or what is in no record of the log. `expiring`:
    /// and whatever expires, so that a power cut adds no more than since then.
    void begin_save(bool all, bool expiring);
    using Put = std::function<bool(const std::string& topic, const Bytes& row)>;
    /// Gives rows to `put`, in order of topics, until about `most` bytes are out or it says false.
    /// True: all of them are written.
    bool save(MonoTime now, BootId boot, std::size_t most, const Put& put);
    /// The row of a topic is in the ring as the message is now.
    void saved(const std::string& topic);
    /// Those that are neither in a row nor in the log as they are.
    std::size_t unsaved() const;
    /// Something went without a record while one that had set it may still be read at a start:
    /// all must be saved, when what is in the ring now is in the log. Asked once.
    bool outdated() const { return outdated_; }
    void outdated_seen() { outdated_ = false; }

private:
    struct Entry {
        MessagePtr message;
        TakenAt at;
        bool has_row = false;        // perhaps an older one
        std::uint64_t recorded = 0;  // the checkpoint after which the log got it last
    };
    struct Change {
        bool logged = true;    // the log has it too, for a while
        bool has_row = false;  // one that must go if the message is gone
    };
    void change(const std::string& topic, bool logged, bool has_row);
    using ByTopic = std::map<std::string, Entry, std::less<>>;
    void put(const MessagePtr& message, TakenAt at, bool logged);
    void remove(ByTopic::iterator at, bool logged);
    bool may_be_read(const Entry& entry) const { return entry.recorded + 1 >= checkpoint_; }

    const Limits& limits_;
    ByTopic by_topic_;
    std::size_t bytes_ = 0;
    std::map<std::string, Change> changed_, saving_;
    std::uint64_t checkpoint_ = 2;  // number of the next one
    bool outdated_ = false;
};

/// Row of a retained message, written now, in `boot`; its topic is in the key. What is left of its
/// expiry is for another boot.
Bytes pack_retained(const Message& message, TakenAt at, BootId boot, MonoTime now);
struct RetainedRow {
    MessagePtr message;
    TakenAt at;
    bool moved = false;  // it expires, and was written in another boot
};
/// nullopt: not one of ours. Pure.
std::optional<RetainedRow> unpack_retained(std::string_view topic, std::span<const std::byte> row,
                                           BootId boot, MonoTime now);

inline constexpr std::string_view kRetainedKey = "mqtt.retained/";       // and the topic
inline constexpr std::string_view kRetainedFrom = "mqtt.retained.from";  // newer ones: in the log

}  // namespace fog::mqtt
