#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/clock.hpp"
#include "firmware/core/ids.hpp"
#include "firmware/core/reading.hpp"
#include "firmware/mqtt/encode.hpp"

namespace fog::mqtt {

class Client;
struct Session;
struct Group;

/// One filter of one session, in the trie while it holds.
struct Subscription {
    Session* session = nullptr;
    std::string filter;
    std::uint8_t qos = 0;
    bool no_local = false, as_published = false;
    std::uint32_t identifier = 0;  // 0 = none
    Seq from;                      // records after this one count
    std::shared_ptr<Group> group;  // shared: `filter` is that of the group
};

/// The members of $share/<name>/<filter>: each message goes to one of them. Lives in memory, while
/// somebody is in it.
struct Group {
    std::string key;                     // $share/<name>/<filter>
    Subscription filter;                 // in the trie, without a session
    std::vector<Subscription*> members;  // of sessions that are here
    std::size_t next = 0;                // whose turn it is
};
/// The name and the filter of $share/<name>/<filter>; the filter is empty if it is none.
struct SharedFilter {
    std::string_view name, filter;
};
SharedFilter read_shared(std::string_view text);

/// Where a message of the log stands: its record, and which of the messages this makes.
struct Place {
    std::uint64_t value = 0;  // 0: not of the log
    static Place of(Seq seq, unsigned part) { return {seq.value * 2 + part}; }
    Seq seq() const { return {value / 2}; }
    bool operator==(const Place&) const = default;
};

struct InFlight {
    std::uint16_t id = 0;
    Place place;
    bool offered = false;     // on the present connection
    MessagePtr message = {};  // shared: another member gets it if this one goes
    std::shared_ptr<Group> group = {};
};

struct StoredWill {
    std::string topic, payload, properties;
    std::uint8_t qos = 0;
    bool retain = false;
    std::uint32_t delay = 0;              // seconds
    std::optional<std::uint32_t> expiry;  // seconds from when it is published
};

/// What one client is owed: its subscriptions and, where it outlives the connection, a cursor in
/// the log. There is no queue of an absent session: it is a few numbers and its filters.
/// Thread: fog-io. Owned by the broker.
struct Session {
    std::string id;
    std::string identity;  // and its credential: who may take it up again
    std::uint64_t credential = 0;
    Client* client = nullptr;  // null: absent
    bool lasting = false;      // reads from the log what it is owed at QoS 1
    std::uint32_t expiry = 0;  // seconds it is kept after the connection
    std::map<std::string, std::unique_ptr<Subscription>, std::less<>> subscriptions;
    std::vector<InFlight> in_flight;
    std::uint16_t next_id = 0;
    // Ids of QoS 2 between PUBLISH and PUBREL, with the ring entry of the PUBLISH.
    std::map<std::uint16_t, std::uint64_t> received;

    // of one that lasts
    Seq reached;                  // every record up to here was sent, is in flight or is not owed
    Seq scan;                     // while catching up: read up to here
    Seq first_owed;               // absent: of what came since, the first one it is owed; 0 = none
    bool live = false;            // gets records as they come
    std::uint64_t page = 0;       // the page asked for; 0 = none
    Seq needed;                   // catching up: the first record it is owed
    bool retained_again = false;  // retained messages were under way when its connection ended
    bool unsaved = false;         // its row waits for room in the ring
    bool moved = false;           // its cursor is newer than the row
    std::uint64_t missed = 0;     // records that fell out of the log, not told yet
    Seq missed_from;
    MonoTime ends{};  // absent: then it is forgotten
    MonoTime will_due{};
    std::unique_ptr<StoredWill> will;  // waits for its delay
    std::size_t will_row = 0;          // bytes; 0 = no will of it is stored
    bool will_unsaved = false;         // it waits for room in the ring

    bool logged(std::uint8_t qos) const { return lasting && qos > 0; }
    InFlight* find(std::uint16_t packet) {
        const auto found = std::find_if(in_flight.begin(), in_flight.end(),
                                        [packet](const InFlight& one) { return one.id == packet; });
        return found == in_flight.end() ? nullptr : &*found;
    }
    InFlight* find(Place place) {
        const auto found =
            std::find_if(in_flight.begin(), in_flight.end(),
                         [place](const InFlight& one) { return one.place == place; });
        return found == in_flight.end() ? nullptr : &*found;
    }
    /// A packet id for a message that leaves now.
    std::uint16_t fly(Place place) {
        do {
            if (++next_id == 0) next_id = 1;
        } while (find(next_id) != nullptr);
        in_flight.push_back({next_id, place, true});
        return next_id;
    }
    void settle(std::uint16_t packet) {
        std::erase_if(in_flight, [packet](const InFlight& one) { return one.id == packet; });
    }
    /// Where reading must begin: before the oldest message in flight.
    Seq oldest_needed() const {
        Seq out = reached;
        for (const InFlight& one : in_flight)
            if (one.place.value != 0) out = std::min(out, Seq{one.place.seq().value - 1});
        return out;
    }

    // --- used by the broker while it matches one message
    std::uint64_t stamp = 0;
    Delivery best;
    std::vector<std::uint32_t> identifiers;
};

// --- rows of the state table

inline constexpr std::string_view kSessionKey = "mqtt.session/";  // and the client id
inline constexpr std::string_view kCursorKey = "mqtt.cursor/";    // and the client id
inline constexpr std::string_view kReceivedKey = "mqtt.qos2/";    // packet id, '/', client id
inline constexpr std::string_view kWillKey = "mqtt.will/";        // and the client id
std::string received_key(std::string_view client, std::uint16_t packet);

/// Who it is and what it subscribed; changes seldom.
Bytes pack_session(const Session& session);
/// Makes its subscriptions too. False: not one of ours, `out` is unusable.
bool unpack_session(std::span<const std::byte> bytes, Session& out);

/// Where it stands in the log of this epoch; `left` are the seconds it has if it is absent.
Bytes pack_cursor(const Session& session, Seq reached, std::uint64_t epoch, std::uint32_t left);
struct Cursor {
    std::uint64_t epoch = 0;
    std::uint32_t left = 0;
};
/// False: not one of ours, `out` and `cursor` are as they were.
bool unpack_cursor(std::span<const std::byte> bytes, Session& out, Cursor& cursor);

/// A will and whose it is: it outlives the daemon, whether the session does or not.
struct KeptWill {
    StoredWill will;
    std::string identity;
    std::uint64_t credential = 0;
    std::size_t bytes = 0;  // of its row
    MonoTime due{};         // then it is published, sooner or later
};
Bytes pack_will(const StoredWill& will, std::string_view identity, std::uint64_t credential);
/// False: not one of ours, `out` is unusable.
bool unpack_will(std::span<const std::byte> bytes, KeptWill& out);

}  // namespace fog::mqtt
