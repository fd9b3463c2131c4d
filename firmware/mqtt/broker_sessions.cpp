// Sessions: who has which, and their rows in the log's state table.
#include <algorithm>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/mqtt/broker.hpp"
#include "firmware/mqtt/client.hpp"

namespace fog::mqtt {
namespace {

constexpr unsigned kTakeovers = 5;           // of one id in the next
constexpr std::uint64_t kTakeoverTime = 10;  // seconds; more: two clients fight over it
constexpr std::size_t kIdsKept = 4096;
constexpr std::uint64_t kCursorsEvery = 600;        // seconds, where nothing was confirmed
constexpr auto kWelcome = std::chrono::seconds(5);  // then CONNACK does not wait for the log

std::string key_of(std::string_view kind, std::string_view id) {
    return std::string(kind) + std::string(id);
}

std::uint32_t seconds_until(MonoTime when, MonoTime now) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(when - now).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, UINT32_MAX));
}

}  // namespace

Session* Broker::find_session(std::string_view id) const {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second.get();
}

bool Broker::room_for_session(const std::string& id) const {
    const Session* known = find_session(id);
    if (known != nullptr && known->lasting) return true;
    // Rows that cannot be written would pile up in memory.
    return !degraded_ && lasting_ < parts_.limits.mqtt_sessions;
}

/// Whether an id was taken over too often of late. Said once in that time.
bool Broker::fight(const std::string& id, const Client& before, const Client& after) {
    if (takeovers_.size() >= kIdsKept) takeovers_.clear();
    Failures& one = takeovers_[id];
    if (one.count == 0 || wheel_.now() >= one.from + kTakeoverTime) one = {wheel_.now(), 0};
    if (++one.count <= kTakeovers) return false;
    if (one.count > kTakeovers + 1) return true;
    log_warning("mqtt", "two clients use one id, give one of them another: client=" + id +
                            " addresses=" + before.address() + "," + after.address());
    if (!parts_.tell) return true;
    std::string members = "\"topic\":\"mqtt\",\"text\":\"two clients use one id\",\"client\":";
    append_json_string(members, id);
    members += ",\"addresses\":[";
    append_json_string(members, before.address());
    members += ',';
    append_json_string(members, after.address());
    members += ']';
    parts_.tell(std::move(members));
    return true;
}

Broker::Adopted Broker::adopt(Client& client, const std::string& id, bool clean,
                              std::uint32_t expiry) {
    Session* session = find_session(id);
    bool fought = false;
    if (session != nullptr) {
        if (session->identity != client.principal().name ||
            session->credential != client.principal().credential)
            return {};
        if (session->client != nullptr) {
            stats_.takeovers.add();
            fought = fight(id, *session->client, client);
            session->client->end(Code::taken_over, "taken-over", true);
        }
        session = find_session(id);  // one that ends with its connection is gone
    }
    if (session != nullptr && clean) {
        forget(*session);
        session = nullptr;
    }
    Adopted out{session, session != nullptr, fought};
    if (session == nullptr) {
        auto made = std::make_unique<Session>();
        out.session = made.get();
        made->id = id;
        made->identity = client.principal().name;
        made->credential = client.principal().credential;
        made->live = true;
        made->reached = made->scan = head_;
        sessions_.emplace(id, std::move(made));
    }
    out.session->client = &client;
    settle_kept_will(client, id);
    if (std::exchange(out.session->will, nullptr)) drop_will_row(*out.session);  // back in time
    if (!out.present && expiry != 0) {
        out.session->lasting = true;
        ++lasting_;
    }
    set_expiry(*out.session, expiry);
    count_sessions();
    return out;
}

void Broker::set_expiry(Session& session, std::uint32_t expiry) {
    if (!session.lasting) return;
    if (std::exchange(session.expiry, expiry) != expiry) save(session);
    session.moved = true;
}

bool Broker::resume(Session& session) {
    session.live = false;
    Seq from = session.oldest_needed();
    const bool flying = from < session.reached;
    for (InFlight& one : session.in_flight) one.offered = false;
    if (!flying)
        from = session.first_owed.value == 0 ? head_
                                             : std::max(from, Seq{session.first_owed.value - 1});
    session.needed = Seq{from.value + 1};
    session.scan = from;
    if (!flying) session.reached = std::max(session.reached, from);
    if (session.scan >= head_ || parts_.hub->ring().covers(session.scan)) return true;
    ask_page(session);
    return false;
}

void Broker::detach(Session& session) {
    if (session.expiry == 0) return forget(session);
    Client& client = *session.client;
    session.reached = client.handled(session.live ? head_ : session.reached);
    session.first_owed = session.reached < head_ ? Seq{session.reached.value + 1} : Seq{};
    session.retained_again = client.owes_retained();
    std::erase_if(session.in_flight, [](const InFlight& one) { return one.place.value == 0; });
    session.client = nullptr;
    session.live = false;
    session.page = 0;
    session.ends = now() + std::chrono::seconds(session.expiry);
    session.moved = !quiet_ || !save_cursor(session);
    count_sessions();
}

void Broker::forget(Session& session) {
    if (session.will && !quiet_) publish_or_keep(session, std::exchange(session.will, nullptr));
    for (const auto& [filter, one] : session.subscriptions) unsubscribe(*one);
    if (session.lasting) {
        --lasting_;
        // Its own row last: what is cut off half way is found by it.
        for (const auto& [packet, entry] : session.received)
            graves_.push_back(received_key(session.id, packet));
        graves_.push_back(key_of(kCursorKey, session.id));
        graves_.push_back(key_of(kSessionKey, session.id));
        bury_rows();
    }
    sessions_.erase(sessions_.find(session.id));
    count_sessions();
}

void Broker::count_sessions() {
    std::int64_t present = 0, away = 0, behind = 0;
    if (lasting_ != 0)
        for (const auto& [id, session] : sessions_) {
            if (!session->lasting) continue;
            (session->client != nullptr ? present : away) += 1;
            behind += session->client != nullptr && !session->live ? 1 : 0;
        }
    stats_.sessions_here.set(present);
    stats_.sessions_away.set(away);
    stats_.catching_up.set(behind);
}

/// Once a second: what is due, and what there was no room for.
void Broker::check_sessions() {
    bury_rows();
    if (lasting_ == 0) return;
    const auto time = now();
    std::vector<Session*> over;
    std::vector<Client*> late;
    for (const auto& [id, session] : sessions_) {
        if (!session->lasting) continue;
        if (session->unsaved) save(*session);
        if (session->client == nullptr && time >= session->ends) {
            over.push_back(session.get());
            continue;
        }
        if (session->will && session->will_unsaved) keep_will(*session, *session->will);
        if (session->will && time >= session->will_due)
            publish_or_keep(*session, std::exchange(session->will, nullptr));
        if (session->client != nullptr && !session->client->welcomed() &&
            time - session->client->since() > kWelcome)
            late.push_back(session->client);
        if (session->moved || wheel_.now() % kCursorsEvery == 0)
            session->moved = !save_cursor(*session);
        catch_up(*session);
    }
    for (Session* session : over) {
        stats_.sessions_expired.add();
        forget(*session);
    }
    // What its client sent behind CONNECT may end the session.
    for (Client* client : late) client->welcome();
}

// --- rows

IngestRing::Push Broker::push_row(std::string_view key, const Bytes& value, bool awaited,
                                  std::uint64_t& entry) {
    IngestItem item;
    item.kind = IngestKind::state;
    item.received = now();
    item.source = "mqtt";
    item.topic = key;
    item.payload = value;
    return awaited ? parts_.ring.push_awaited(item, entry)
                   : parts_.ring.push(item, std::chrono::milliseconds(0));
}

bool Broker::put_row(std::string_view key, const Bytes& value, bool awaited, std::uint64_t& entry) {
    return push_row(key, value, awaited, entry) == IngestRing::Push::ok;
}

/// Deletes rows of what is forgotten, before anything of the same name is written again.
bool Broker::bury_rows() {
    std::uint64_t entry = 0;
    std::size_t done = 0;
    while (done < graves_.size() && put_row(graves_[done], {}, false, entry)) ++done;
    graves_.erase(graves_.begin(), graves_.begin() + static_cast<std::ptrdiff_t>(done));
    return graves_.empty();
}

std::uint64_t Broker::save(Session& session) {
    std::uint64_t entry = 0;
    session.unsaved = !bury_rows() ||
                      !put_row(key_of(kSessionKey, session.id), pack_session(session), true, entry);
    if (session.unsaved) return 0;
    session.moved = true;
    // The answers that found no room are in this row too.
    if (session.client != nullptr) session.client->saved(entry);
    return entry;
}

bool Broker::save_cursor(Session& session) {
    if (parts_.hub == nullptr) return false;  // closed: what was written last holds
    if (!bury_rows() || session.unsaved) return false;
    Seq reached = session.reached;
    if (session.client != nullptr)
        reached = session.client->handled(session.live ? head_ : session.reached);
    else if (session.first_owed.value == 0)
        reached = std::max(reached, head_);
    const auto left =
        session.client != nullptr ? session.expiry : seconds_until(session.ends, now());
    std::uint64_t entry = 0;
    return put_row(key_of(kCursorKey, session.id),
                   pack_cursor(session, reached, parts_.hub->head().epoch, left), false, entry);
}

bool Broker::release_id(Session& session, std::uint16_t packet, std::uint64_t& entry) {
    entry = 0;
    if (session.lasting &&
        (!bury_rows() || !put_row(received_key(session.id, packet), {}, true, entry)))
        return false;
    session.received.erase(packet);
    return true;
}

void Broker::drop_id(Session& session, std::uint16_t packet) {
    if (session.received.erase(packet) == 0 || !session.lasting) return;
    graves_.push_back(received_key(session.id, packet));
    bury_rows();
}

/// A publish of QoS 2 that is not on flash was not received: sent again, it is a new one.
void Broker::drop_refused(const std::vector<std::uint64_t>& refused) {
    for (const auto& [id, session] : sessions_) {
        std::vector<std::uint16_t> gone;
        for (const auto& [packet, entry] : session->received)
            if (std::binary_search(refused.begin(), refused.end(), entry)) gone.push_back(packet);
        for (const auto packet : gone) drop_id(*session, packet);
    }
}

void Broker::open(std::vector<SavedRow> rows, std::uint64_t recovered_to,
                  std::function<void()> ready) {
    for (SavedRow& row : rows) recovered(std::move(row));
    load_retained();
    recovered_to_ = recovered_to;
    when_ready_ = std::move(ready);
    if (recovered_to_ == 0) begin_serving();
}

void Broker::recovered(SavedRow row) {
    if (ready_) return;
    if (recover_retained(row)) return;
    if (row.value.empty())
        rows_.erase(row.key);
    else
        rows_[row.key] = std::move(row.value);
}

void Broker::begin_serving() {
    head_ = parts_.hub != nullptr ? parts_.hub->head().seq : Seq{};
    for (const auto& [key, value] : rows_)
        if (key.starts_with(kSessionKey)) restore(key.substr(kSessionKey.size()), value);
    for (const auto& [key, value] : rows_) {
        restore_id(key);
        if (key.starts_with(kWillKey)) restore_will(key, value);
    }
    // Rows of no session go, those that name one last.
    for (const auto& [key, value] : rows_)
        if (key.starts_with(kCursorKey) && find_session(key.substr(kCursorKey.size())) == nullptr)
            graves_.push_back(key);
    for (const auto& [key, value] : rows_)
        if (key.starts_with(kSessionKey) && find_session(key.substr(kSessionKey.size())) == nullptr)
            graves_.push_back(key);
    rows_.clear();
    begin_keeping();
    ready_ = true;
    count_sessions();
    if (auto ready = std::exchange(when_ready_, nullptr)) ready();
}

/// An id of QoS 2; where nobody has it, its row goes.
void Broker::restore_id(const std::string& key) {
    if (!key.starts_with(kReceivedKey)) return;
    const std::string_view rest = std::string_view(key).substr(kReceivedKey.size());
    const auto slash = rest.find('/');
    const auto packet = parse_int(rest.substr(0, slash)).value_or(0);
    Session* session =
        slash == std::string_view::npos ? nullptr : find_session(rest.substr(slash + 1));
    if (session != nullptr && packet > 0 && packet <= 0xFFFF)
        session->received.emplace(static_cast<std::uint16_t>(packet), 0);
    else
        graves_.push_back(key);
}

void Broker::restore(const std::string& id, const Bytes& row) {
    auto made = std::make_unique<Session>();
    if (!keeps_sessions() || !unpack_session(row, *made)) {
        log_error("mqtt", "the session of client=" + id + " cannot be read and is lost");
        stats_.refused("session-row");
        return;
    }
    Session& session = *made;
    session.id = id;
    Cursor cursor;
    cursor.left = session.expiry;
    session.lasting = true;
    const auto found = rows_.find(key_of(kCursorKey, id));
    if (found == rows_.end() || !unpack_cursor(found->second, session, cursor)) {
        // It was never written: nothing was sent yet.
        session.reached = head_;
        for (const auto& [filter, one] : session.subscriptions)
            session.reached = std::min(session.reached, one->from);
    } else if (cursor.epoch != parts_.hub->head().epoch) {
        session.missed = std::max<std::uint64_t>(session.missed, 1);
        session.missed_from = session.reached;
        stats_.missed.add();
        session.in_flight.clear();
        session.reached = head_;
        for (const auto& [filter, one] : session.subscriptions) one->from = Seq{};
    }
    // What came between the row and now may be owed.
    if (session.first_owed.value == 0 && session.reached < head_)
        session.first_owed = Seq{session.reached.value + 1};
    session.ends = now() + std::chrono::seconds(std::min(cursor.left, session.expiry));
    ++lasting_;
    for (const auto& [filter, one] : session.subscriptions) subscribe(*one);
    sessions_.emplace(id, std::move(made));
}

}  // namespace fog::mqtt
