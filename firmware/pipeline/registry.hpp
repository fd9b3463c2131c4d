#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "firmware/core/admission.hpp"
#include "firmware/core/limits.hpp"
#include "firmware/core/point_directory.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/core/records.hpp"
#include "firmware/pipeline/last_messages.hpp"
#include "firmware/pipeline/presence.hpp"
#include "firmware/store/store.hpp"

namespace fog {

/// When and how something reached us.
struct Arrival {
    BootId boot;
    MonoTime received;
    WallTime wall;  // of `received`, if the clock is trusted; else epoch
    std::uint16_t flags = 0;
    std::string_view source;            // "mqtt:plant", "serial:scale-1", "http"
    std::string_view dialect;           // who read it
    NewKind kind = NewKind::announced;  // of a device heard for the first time
};

struct DeviceState {
    std::string id;   // never changes
    std::string key;  // stable name on its link
    std::string name;
    std::string source;
    std::string dialect;
    BootId boot;
    MonoTime last_seen;
    std::uint64_t samples = 0;
    std::vector<PointId> points;
    Rhythm rhythm;
    BadShare bad;
    Presence told = Presence::unknown;  // in the last event
    std::uint32_t told_from = 0;        // second in which counting of `changes` began
    std::uint8_t changes = 0;
    Admission admission = Admission::active;
    NewKind kind = NewKind::announced;
};

/// State of a device and why.
struct DevicePresence {
    Presence state = Presence::unknown;
    std::string reason;
    double interval_s = 0;
};
/// A change that is worth an event.
struct PresenceChange {
    const DeviceState* device = nullptr;
    Presence from = Presence::unknown;
    DevicePresence now;
};
/// What is wrong with the link of a source ("serial:scale-1"), null if nothing. On fog-pipe.
using LinkFault = std::function<const std::string*(std::string_view source)>;

struct PointState {
    PointId id;
    std::uint32_t device = 0;  // index into devices()
    std::string name;
    std::string unit;
    bool unit_guessed = false;
    bool diagnostic = false;
    Sample last;  // newest live value; point 0 = none yet
    Seq last_seq;
    std::uint64_t samples = 0;
    double mean_gap_s = 0;  // smoothed, 0 = not known
    std::uint8_t type = 0;  // 0 = none yet, 1 number, 2 bool, 3 text
    std::uint8_t wrong_type_run = 0;
    bool changed = false;  // since the last rows()

    /// It usually says something every so many seconds; 0 until five gaps were seen.
    double usual_interval_s() const { return samples > 5 ? std::max(1.0, mean_gap_s) : 0; }
};

/// Bytes nobody could decode, or a device that was held back, for people.
struct RawEntry {
    std::string source;
    std::string topic;
    std::string payload;  // cut to Limits::raw_bytes
    std::string why;
    MonoTime received;
    std::uint64_t times = 1;
};

/// Readings held back by the limits, of one source and for one reason.
struct HeldBack {
    std::string why;
    std::string source;
    std::string last;  // key of the newest device concerned
    std::uint64_t times = 0;
};

/// Devices and points, which appear by themselves: keys become stable ids, readings become samples.
/// Thread: fog-pipe. Blocks: never. Bounded by Limits; what is held back is counted by reason.
class Registry {
public:
    Registry(PointDirectory& directory, const Limits& limits);

    /// What a reading became.
    struct Outcome {
        std::optional<Sample> sample;  // nothing: see `why`
        std::string_view why;          // "duplicate", "ignored", "too many new devices" ...
        bool appeared = false;         // point is new, or its unit changed
        bool new_device = false;
        bool live = true;  // false: history, does not move the live state
    };
    Outcome accept(const Reading& reading, const Arrival& arrival);
    /// Remembers the number the sample got.
    void numbered(const Record& record);
    void undecodable(std::string_view source, std::string_view topic,
                     std::span<const std::byte> payload, std::string_view why, MonoTime received);

    /// For values rules derive: the point of a device id, made if it does not exist.
    Outcome accept_derived(std::string_view device, std::string_view point, std::string_view unit,
                           const Sample& sample);

    const std::vector<DeviceState>& devices() const { return devices_; }
    /// When presence counts from; before the first check_presence().
    void begin(BootId boot, MonoTime started, LinkFault link_fault);
    /// For once a second. A device that flaps is told 10 times in 5 minutes, then it is held.
    std::vector<PresenceChange> check_presence(MonoTime now);
    DevicePresence presence(std::uint32_t device, MonoTime now);
    /// The last values of a point, null if it never had a number. Of the log's tail after a start.
    const Spark* spark(PointId id) const;
    void remember(const Record& record);  // a record of the log, for its spark

    const DeviceState* device(std::string_view id) const;
    std::optional<std::uint32_t> index_of(std::string_view device) const;
    const PointState* point(PointId id) const;
    std::size_t point_count() const { return points_.size(); }
    const std::deque<RawEntry>& raw() const { return raw_; }
    /// Remembers a message by the devices of the points it became (`points`, in order).
    void heard(const LastMessages::Heard& said, std::span<const PointId> points);
    const LastMessages& messages() const { return messages_; }
    std::uint64_t held_back() const { return held_back_; }
    const std::deque<HeldBack>& held_back_by() const { return held_back_by_; }

    /// What happens to new devices; `fixed`: by the configuration. Before the first accept().
    void set_policies(const NewPolicies& policies, bool fixed);
    const NewPolicies& policies() const { return policies_; }
    bool policies_fixed() const { return policies_fixed_; }
    /// For the state table; load_policies() leaves fixed ones alone.
    Bytes packed_policies() const;
    void load_policies(std::span<const std::byte> stored);
    /// Keeps or ignores a device; false: it was so already. rows() has it next.
    bool admit(std::uint32_t device, Admission to);
    /// Whether it waits for a person: no rule judges it, no sink is owed its records.
    bool provisional(PointId point) const;
    bool provisional(std::string_view device) const;
    std::size_t provisional_count() const { return provisional_; }

    /// Rows of what is new or, with `all_changed`, of every point whose value moved.
    bool has_fresh() const { return !fresh_devices_.empty() || !fresh_points_.empty(); }
    void rows(bool all_changed, std::vector<PointRow>& points, std::vector<DeviceRow>& devices);
    /// Takes over what was stored; before the first accept().
    void load(std::span<const DeviceRow> devices, std::span<const PointRow> points);
    /// A record of the log newer than the rows: brings its point up to date.
    void replay(const Record& record);
    /// Last live value of every point, ascending by seq.
    std::vector<Record> last_records() const;

private:
    std::optional<std::uint32_t> find_device(const Reading& reading, const Arrival& arrival,
                                             std::string_view& why, bool& made);
    std::uint32_t make_device(std::string_view key, std::string_view name);
    PointState* find_point(std::uint32_t device, std::string_view name, std::string_view& why,
                           bool& made);
    bool may_appear(MonoTime now);
    Admission admission_of_new(std::string_view key, NewKind kind) const;
    void hold_back(const Reading& reading, const Arrival& arrival, std::string_view why);
    static Bytes packed_device(const DeviceState& device);
    void unpack_device(std::span<const std::byte> stored, DeviceState& device);
    void publish(const PointState& point);
    void note_arrival(DeviceState& owner, const Sample& sample, const Arrival& arrival, bool made);
    void add_spark(const Sample& sample);
    PresenceFacts facts_of(DeviceState& device, MonoTime now) const;

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    template <class T>
    using TextMap = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

    PointDirectory& directory_;
    const Limits& limits_;
    std::vector<DeviceState> devices_;
    std::vector<TextMap<PointId>> points_of_;     // by device index
    std::vector<PointState> points_;              // by id - 1
    std::vector<std::unique_ptr<Spark>> sparks_;  // by id - 1; 256 bytes of heap each
    LastMessages messages_;
    BootId boot_;
    MonoTime started_{};
    LinkFault link_fault_;
    TextMap<std::uint32_t> by_key_;
    TextMap<std::uint32_t> by_id_;
    std::deque<MonoTime> appeared_;  // devices of the last minute
    std::vector<std::uint32_t> fresh_devices_;
    std::vector<PointId> fresh_points_;
    std::deque<RawEntry> raw_;
    std::uint64_t held_back_ = 0;
    std::deque<HeldBack> held_back_by_;
    NewPolicies policies_{};
    bool policies_fixed_ = false;
    std::size_t provisional_ = 0;
};

}  // namespace fog
