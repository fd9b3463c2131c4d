#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/position.hpp"
#include "firmware/core/record_json.hpp"
#include "firmware/core/records.hpp"

namespace fog {

using RecordBatch = std::shared_ptr<const std::vector<Record>>;

/// What leaves first at an event boundary.
enum class PushClass : std::uint8_t { alarm, reply, live };
inline constexpr std::size_t kPushClasses = 3;
std::string_view to_text(PushClass cls);

/// Kinds of records as clients name them; bit n of StreamParams::kinds.
inline constexpr std::array<std::string_view, 9> kRecordKinds = {
    "alarm", "device", "command", "rule", "uplink", "system", "app", "raw", "sample"};
std::uint8_t kind_index(const Record& record);

/// A record for clients: encoded once, at the first client that wants it, shared by all of them.
/// Thread: fog-io (the texts are made on demand). Immutable otherwise.
class Frame {
public:
    /// `historic` marks replayed records ("hist":true).
    Frame(RecordBatch batch, std::size_t index, const RecordContext& context, std::uint64_t epoch,
          bool historic = false);

    const Record& record() const { return (*batch_)[index_]; }
    Seq seq() const { return seq_; }
    Position position() const { return {epoch_, seq_}; }
    std::string_view channel() const { return channel_; }
    std::uint8_t kind() const { return kind_; }
    std::string_view kind_text() const { return kRecordKinds[kind_]; }
    PushClass cls() const { return cls_; }
    bool historic() const { return historic_; }
    /// Samples of one series replace each other for slow clients; others never do.
    bool conflatable() const { return series_ != 0; }
    std::uint32_t series() const { return series_; }

    /// The record alone: {"gw":…}.
    std::string_view json() const;
    /// {"ev":K,"ch":C,"d":{…}  without the closing brace.
    std::string_view open_envelope() const;
    /// Whole SSE event with id; without the event: line if not `named`.
    std::string_view sse(bool named) const;
    /// Whole WebSocket text message with pos.
    std::string_view ws() const;
    /// About what one client's copy of it weighs in a queue.
    std::size_t weight() const { return text_.empty() ? 256 : text_.size(); }

private:
    void encode() const;

    RecordBatch batch_;
    std::size_t index_;
    const RecordContext* context_;
    std::uint64_t epoch_;
    Seq seq_;
    std::string_view channel_;  // in the point directory or the event
    std::uint32_t series_ = 0;
    std::uint8_t kind_ = 0;
    PushClass cls_ = PushClass::live;
    bool historic_ = false;
    // event: K LF data: {"ev":…,"d":{…} } LF id: P LF LF
    mutable std::string text_;
    mutable std::uint32_t data_at_ = 0, open_at_ = 0, json_at_ = 0, open_end_ = 0;
    mutable std::string ws_;
};
using FramePtr = std::shared_ptr<const Frame>;

/// Pieces of one gathered send, with room for the few private bytes of each event.
class Gather {
public:
    static constexpr std::size_t kParts = 128;
    static constexpr std::size_t kPrivate = 128;  // most private bytes of one event

    void clear() { count_ = used_ = bytes_ = 0; }
    bool room() const { return count_ + 6 <= kParts && used_ + kPrivate <= scratch_.size(); }
    void add(std::string_view shared) {
        if (shared.empty()) return;
        parts_[count_++] = {const_cast<char*>(shared.data()), shared.size()};
        bytes_ += shared.size();
    }
    void add_private(std::string_view text);  // copied
    std::span<const iovec> parts() const { return {parts_.data(), count_}; }
    std::size_t bytes() const { return bytes_; }
    /// The bytes from `from` on, copied together: what the kernel did not take of the last event.
    std::string tail(std::size_t from, std::size_t until) const;

private:
    std::array<iovec, kParts> parts_;
    std::array<char, 8192> scratch_;
    std::size_t count_ = 0, used_ = 0, bytes_ = 0;
};

}  // namespace fog
