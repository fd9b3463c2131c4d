// What outlives the daemon without a session: retained messages and wills.
//
// Retained: with QoS 1 they are in the log when they are acknowledged, as
// raw records; every retained_every what is only in memory, and every ten minutes everything that
// changed, goes into rows of the state table, many in one commit. At the start the rows are read,
// then the records since the rows were complete.
#include <algorithm>
#include <string>
#include <utility>

#include "firmware/core/pack.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/mqtt/broker.hpp"
#include "firmware/mqtt/client.hpp"
#include "firmware/mqtt/raw_message.hpp"

namespace fog::mqtt {
namespace {

constexpr auto kCheckpointEvery = std::chrono::minutes(10);
constexpr std::uint64_t kCheckpointRecords = 50'000;  // then sooner: a start reads them
constexpr std::size_t kRowsATurn = 256U << 10U;       // bytes; publishes need the ring too
constexpr std::size_t kPage = 500;
constexpr std::uint8_t kRawLanes =
    1U << static_cast<unsigned>(Lane::reply) | 1U << static_cast<unsigned>(Lane::bulk);

}  // namespace

TakenAt Broker::taken_now() {
    last_taken_ = std::max(now(), last_taken_ + std::chrono::nanoseconds(1));
    return {parts_.boot, last_taken_};
}

void Broker::log_retained(const Message& message, Ingest& how) const {
    if (message.qos() == 0 || !keeps_retained()) return;
    // Nobody needs the properties of a deletion, and it must come after the record it undoes.
    (message.payload().empty() || fits_log(message) ? how.owed : how.row) = true;
}

/// Only what the log can take as a whole may be acknowledged.
bool Broker::fits_log(const Message& message) const {
    return message.payload().size() <= parts_.limits.payload_bytes &&
           message.properties().size() <= parts_.limits.mqtt_logged_properties;
}

void Broker::retain(const MessagePtr& message, const Ingest& how) {
    if (!retained_.set(message, how.at, how.owed))
        stats_.refused("retained-full");
    else if (how.row)
        retained_.saved(std::string(message->topic()));
}

IngestRing::Push Broker::keep_row(const Message& message, bool awaited, Ingest& how) {
    if (!bury_rows()) return IngestRing::Push::full;
    const Bytes row = pack_retained(message, how.at, parts_.boot, now());
    return push_row(std::string(kRetainedKey) + std::string(message.topic()), row, awaited,
                    how.entry);
}

// --- rows

/// Once a second.
void Broker::check_retained() {
    if (!ready_ || quiet_ || !keeps_retained()) return;
    if (!keeping_ && now() >= keep_at_ && records_landed()) {
        keep_at_ = now() + std::chrono::seconds(options_.retained_every);
        const bool many = !kept_to_ || head_.value > kept_to_->value + kCheckpointRecords;
        const bool outdated = std::exchange(barrier_, 0) != 0;
        const bool due = now() >= checkpoint_at_;
        keeping_all_ = many || outdated || due;
        if (due) checkpoint_at_ = now() + kCheckpointEvery;
        keeping_to_ = head_;
        retained_.begin_save(keeping_all_, due);
        keeping_ = true;
    }
    if (keeping_ && save_rows(kRowsATurn)) keeping_ = false;
}

/// What was removed without a record needs rows that are newer than the record which set it; that
/// one may still be in the ring. False: not in the log yet.
bool Broker::records_landed() {
    if (barrier_ == 0 && kept_to_ && retained_.outdated()) {
        Bytes row;
        Packer(row).varint(kept_to_->value);
        if (!put_row(kRetainedFrom, row, true, barrier_)) return false;
        retained_.outdated_seen();
    }
    return barrier_ <= decided_;
}

/// False: more is left.
bool Broker::save_rows(std::size_t most) {
    if (!bury_rows()) return false;
    std::uint64_t entry = 0;
    const auto put = [&](const std::string& topic, const Bytes& row) {
        return put_row(std::string(kRetainedKey) + topic, row, false, entry);
    };
    const bool all = retained_.save(now(), parts_.boot, most, put);
    if (!all) return false;
    return !keeping_all_ || keeping_to_ == kept_to_ || save_kept_to();
}

bool Broker::save_kept_to() {
    Bytes row;
    Packer(row).varint(keeping_to_.value);
    std::uint64_t entry = 0;
    if (!put_row(kRetainedFrom, row, false, entry)) return false;
    kept_to_ = keeping_to_;
    return true;
}

bool Broker::save_retained() {
    if (!ready_ || !keeps_retained()) return true;
    if (!std::exchange(keeping_, true)) {
        keeping_all_ = true;
        keeping_to_ = head_;
        retained_.begin_save(true, true);
    }
    return save_rows(SIZE_MAX);
}

// --- the start

/// Before anything is published: from here on the log is looked at.
void Broker::begin_keeping() {
    retained_.sweep(now());
    keep_at_ = now() + std::chrono::seconds(options_.retained_every);
    checkpoint_at_ = now() + kCheckpointEvery;
    keeping_to_ = head_;
    if (keeps_retained() && !kept_to_ && !save_kept_to())
        log_warning("mqtt", "the ingest ring is full at the start");
    last_taken_ = std::max(last_taken_, retained_.newest(parts_.boot));
}

/// False: it is no row of theirs.
bool Broker::recover_retained(const SavedRow& row) {
    if (row.key == kRetainedFrom) {
        kept_to_ = Seq{Unpacker(row.value).varint()};
        return true;
    }
    if (!row.key.starts_with(kRetainedKey)) return false;
    const auto topic = std::string_view(row.key).substr(kRetainedKey.size());
    if (!retained_.restore(topic, row.value, parts_.boot, now())) {
        log_error("mqtt", "the retained message of topic=" + std::string(topic) +
                              " cannot be read and is lost");
        stats_.refused("retained-row");
        graves_.push_back(row.key);
    }
    return true;
}

/// What was acknowledged since the rows were complete is in the log. Blocks; before fog-io runs.
void Broker::load_retained() {
    if (!keeps_retained() || !kept_to_) return;  // without: never served yet
    const auto reader = parts_.log->open_reader();
    bool lost = !reader;
    for (Seq at = *kept_to_; reader;) {
        const auto page = (*reader)->read(at, {}, kPage, kRawLanes);
        if (!page) {
            lost = true;
            break;
        }
        for (const Record& record : page->records) hear_retained(record);
        for (const Missing& hole : page->missing)
            lost = lost || hole.reason != MissingReason::crash;
        at = page->last;
        if (page->at_end) break;
    }
    if (!lost) return;
    log_warning("mqtt",
                "the log does not have all of the last minutes any more: retained messages may be "
                "older than what was acknowledged");
    stats_.refused("retained-log");
}

void Broker::hear_retained(const Record& record) {
    if (record.is_sample() || record.event().kind != EventKind::raw) return;
    const auto raw = read_raw_message(record.event().members);
    if (!raw || !raw->retain) return;
    Message::Parts parts;
    parts.topic = raw->topic;
    parts.payload = raw->payload;
    parts.properties = raw->properties;
    parts.qos = 1;
    parts.retain = true;
    // Time without power does not count; of an earlier boot the rest is not known.
    const bool ours = record.boot() == parts_.boot;
    if (raw->expiry)
        parts.expires = (ours ? record.received() : now()) + std::chrono::seconds(*raw->expiry);
    const TakenAt at{record.boot(), record.received()};
    retained_.set_if_newer(std::make_shared<const Message>(parts), at, raw->expiry && !ours);
}

// --- wills

/// False: the ring is full, nothing was done and it is to be tried again.
bool Broker::publish_will(const StoredWill& will, const std::string& id, const Session* session,
                          Try which) {
    Message::Parts parts;
    parts.topic = will.topic;
    parts.payload = will.payload;
    parts.properties = will.properties;
    parts.qos = will.qos;
    parts.retain = will.retain;
    if (will.expiry) parts.expires = now() + std::chrono::seconds(*will.expiry);
    const auto message = std::make_shared<const Message>(parts);
    Ingest how;
    how.retain = will.retain && retained_.takes(message);
    how.apart = parts_.not_ingested(will.topic);
    how.owed = owed(will.topic, will.qos, session) && fits_log(*message);
    if (how.retain) {
        how.at = taken_now();
        log_retained(*message, how);
    }
    auto pushed = IngestRing::Push::ok;
    if (!how.apart || how.owed || how.row) pushed = ingest(id, *message, how);
    if (pushed == IngestRing::Push::full && which == Try::again) return false;
    if (pushed != IngestRing::Push::ok) {
        stats_.refused("will-not-ingested");
        how.owed = how.row = false;
    }
    if (will.retain) retain(message, how);
    route(message, session);
    return true;
}

/// Its row, if it has one, stays until it is published.
void Broker::publish_or_keep(Session& session, std::unique_ptr<StoredWill> will) {
    const Try which = session.will_row != 0 ? Try::again : Try::last;
    if (publish_will(*will, session.id, &session, which)) return drop_will_row(session);
    wills_[session.id] = {std::move(*will), session.identity, session.credential,
                          std::exchange(session.will_row, 0), now()};
}

void Broker::keep_will(Session& session, const StoredWill& will) {
    if (!keeps_sessions()) return;
    StoredWill stored = will;
    stored.delay = std::min(stored.delay, session.expiry);
    const Bytes row = pack_will(stored, session.identity, session.credential);
    session.will_unsaved = false;
    if (will_bytes_ + row.size() > parts_.limits.mqtt_retained_bytes)
        return stats_.refused("will-not-stored");
    std::uint64_t entry = 0;
    session.will_unsaved =
        !bury_rows() || !put_row(std::string(kWillKey) + session.id, row, false, entry);
    if (session.will_unsaved) return;
    session.will_row = row.size();
    will_bytes_ += row.size();
}

void Broker::drop_will_row(Session& session) {
    session.will_unsaved = false;
    if (session.will_row == 0) return;
    will_bytes_ -= std::exchange(session.will_row, 0);
    graves_.push_back(std::string(kWillKey) + session.id);
    bury_rows();
}

void Broker::end_will(Session& session, std::unique_ptr<StoredWill> will) {
    if (quiet_) return;  // its row stays
    if (will && session.expiry != 0 && will->delay != 0) {
        session.will_due = now() + std::chrono::seconds(std::min(will->delay, session.expiry));
        session.will = std::move(will);
        return;
    }
    if (will) return publish_or_keep(session, std::move(will));
    drop_will_row(session);
}

/// The gateway's own stop or crash is no death of a client: who was there has time to come back.
void Broker::restore_will(const std::string& key, const Bytes& row) {
    const std::string id = key.substr(kWillKey.size());
    KeptWill kept;
    if (!unpack_will(row, kept)) {
        log_error("mqtt", "the will of client=" + id + " cannot be read and is lost");
        stats_.refused("will-row");
        graves_.push_back(key);
        return;
    }
    const std::chrono::seconds delay(kept.will.delay);
    kept.due = now() + std::max(delay, options_.will_wait);
    will_bytes_ += kept.bytes;
    wills_.emplace(id, std::move(kept));
}

Broker::KeptWills::iterator Broker::end_kept_will(KeptWills::iterator at) {
    will_bytes_ -= at->second.bytes;
    graves_.push_back(std::string(kWillKey) + at->first);
    return wills_.erase(at);
}

/// Somebody comes with the id of a client that was here before the start.
void Broker::settle_kept_will(const Client& client, const std::string& id) {
    const auto found = wills_.find(id);
    if (found == wills_.end()) return;
    const KeptWill& kept = found->second;
    const bool back = now() < kept.due && kept.identity == client.principal().name &&
                      kept.credential == client.principal().credential;
    if (!back) publish_will(kept.will, id, nullptr, Try::last);  // the row is the new client's now
    end_kept_will(found);
}

void Broker::check_wills() {
    if (quiet_) return;
    for (auto at = wills_.begin(); at != wills_.end();) {
        if (now() < at->second.due) {
            ++at;
            continue;
        }
        const Session* session = find_session(at->first);
        if (!publish_will(at->second.will, at->first, session, Try::again)) break;
        at = end_kept_will(at);
    }
    bury_rows();  // in one commit with what was published, mostly
}

}  // namespace fog::mqtt
