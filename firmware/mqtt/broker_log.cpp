// What lasting sessions get: records as they come, and from the log what they have not seen.
#include <algorithm>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/logging.hpp"
#include "firmware/mqtt/broker.hpp"
#include "firmware/mqtt/client.hpp"
#include "firmware/mqtt/raw_message.hpp"
#include "firmware/mqtt/topics.hpp"

namespace fog::mqtt {
namespace {

constexpr std::uint8_t kRawLanes =
    1U << static_cast<unsigned>(Lane::reply) | 1U << static_cast<unsigned>(Lane::bulk);
constexpr std::uint8_t kAllLanes = 0x0F;

bool is_normal_alarm(const Frame& frame) {
    return !frame.record().is_sample() && frame.record().event().kind == EventKind::alarm &&
           frame.record().event().members.find("\"state\":\"normal\"") != std::string::npos;
}

bool is_raw(const Frame& frame) {
    return !frame.record().is_sample() && frame.record().event().kind == EventKind::raw;
}

}  // namespace

/// The messages a record makes: what was published, or the gateway's own topic.
void Broker::messages_of(const Frame& frame, const EachMessage& each) {
    Message::Parts parts;
    parts.qos = 1;
    if (is_raw(frame)) {
        const auto raw = read_raw_message(frame.record().event().members);
        if (!raw) return;
        parts.topic = raw->topic;
        parts.payload = raw->payload;
        parts.properties = raw->properties;
        parts.retain = raw->retain;
        // Of an earlier boot it is known only that it is older than this one.
        const bool ours = frame.record().boot() == parts_.boot;
        const auto received = ours ? frame.record().received() : MonoTime{};
        if (raw->expiry) parts.expires = received + std::chrono::seconds(*raw->expiry);
        return each(std::make_shared<const Message>(parts), Place::of(frame.seq(), 0), Via::raw,
                    find_session(raw->client));
    }
    const auto topic = gateway_topic(frame.channel());
    if (topic.empty()) return;
    parts.topic = topic;
    parts.payload = frame.json();
    each(std::make_shared<const Message>(parts), Place::of(frame.seq(), 0), Via::gateway, nullptr);
    if (!is_normal_alarm(frame)) return;
    parts.payload = {};
    each(std::make_shared<const Message>(parts), Place::of(frame.seq(), 1), Via::gateway, nullptr);
}

void Broker::on_record(const FramePtr& frame) {
    head_ = std::max(head_, frame->seq());
    if (!ready_ && is_raw(*frame)) hear_retained(frame->record());
    if (is_raw(*frame) ? lasting_filters_ == 0 : gateway_filters_ == 0) return;
    messages_of(*frame, [this](const MessagePtr& message, Place place, Via via,
                               const Session* sender) { route(message, sender, via, place); });
}

void Broker::give_live(Session& session, const MessagePtr& message, Place place) {
    if (session.client == nullptr) {
        if (session.first_owed.value == 0) session.first_owed = place.seq();
        return;
    }
    if (!session.live) return;  // it is on its way there
    // A record that makes two messages is not cut between them.
    if (quiet_ || (place.value % 2 == 0 && !session.client->has_room())) {
        session.live = false;
        session.reached = session.scan = Seq{place.seq().value - 1};
        session.needed = place.seq();
        return;
    }
    session.client->deliver(message, session.best, place, 0);
}

/// One record of the log for a session that is catching up.
void Broker::offer(Session& session, const Frame& frame) {
    messages_of(frame, [&session](const MessagePtr& message, Place place, Via,
                                  const Session* sender) {
        InFlight* flying = session.find(place);
        if (flying != nullptr ? flying->offered : place.seq() <= session.reached) return;
        session.best = {};
        session.identifiers.clear();
        for (const auto& [filter, one] : session.subscriptions) {
            if (place.seq() <= one->from || (one->no_local && sender == &session)) continue;
            if (one->qos == 0 || !topic_matches(filter, message->topic())) continue;
            session.best.qos = 1;
            session.best.retain = session.best.retain || (one->as_published && message->retain());
            if (one->identifier != 0) session.identifiers.push_back(one->identifier);
        }
        if (session.best.qos == 0) return;  // not subscribed any more
        session.best.identifiers = session.identifiers;
        if (flying != nullptr) flying->offered = true;
        session.client->deliver(message, session.best, place, flying != nullptr ? flying->id : 0);
    });
    session.scan = frame.seq();
    session.reached = std::max(session.reached, session.scan);
}

void Broker::catch_up(Session& session) {
    const Client* client = session.client;
    if (client == nullptr || !session.lasting || session.live || session.page != 0 || quiet_ ||
        !client->ready_for_more())
        return;
    if (session.scan >= head_ || parts_.hub->ring().covers(session.scan))
        from_ring(session);
    else
        ask_page(session);
}

/// The newest records are in memory; after the last of them the session is live.
void Broker::from_ring(Session& session) {
    const FrameRing& ring = parts_.hub->ring();
    for (auto i = ring.after(session.scan); i < ring.size(); ++i) {
        if (!session.client->has_room()) return;
        offer(session, *ring.at(i));
    }
    session.scan = session.reached = std::max(head_, session.reached);
    passed(session);
    session.live = true;
    session.first_owed = {};
    count_sessions();
}

/// What was in flight and is not in the log as it was has another number now, or is gone.
void Broker::passed(Session& session) {
    std::erase_if(session.in_flight, [&session](const InFlight& one) {
        return one.place.value != 0 && !one.offered && one.place.seq() <= session.scan;
    });
}

void Broker::ask_page(Session& session) {
    if (pages_ >= parts_.limits.replays_at_once) return;  // tried again after the next commit
    const bool gateway = std::any_of(
        session.subscriptions.begin(), session.subscriptions.end(),
        [](const auto& one) { return one.second->qos > 0 && may_match_gateway(one.first); });
    const std::uint8_t lanes = gateway ? kAllLanes : kRawLanes;
    const std::uint64_t number = ++page_number_;
    const auto job = [this, number, lanes, id = session.id, after = session.scan,
                      most = parts_.limits.replay_page, log = parts_.log, loop = &parts_.loop,
                      alive = std::weak_ptr(alive_)] {
        Page out;
        out.failed = true;
        if (auto reader = log->open_reader()) {
            // What is committed now is in the page, or in the next one.
            const auto bounds = (*reader)->bounds();
            auto page = (*reader)->read(after, {}, most, lanes);
            out.failed = !bounds || !page;
            if (!out.failed) {
                out.committed = bounds->committed;
                out.page = std::move(*page);
            }
        }
        loop->post([this, id, number, alive, out = std::move(out)]() mutable {
            if (!alive.expired()) on_page(id, number, std::move(out));
        });
    };
    if (!parts_.run_on_api(job)) return;
    session.page = number;
    ++pages_;
}

void Broker::on_page(const std::string& id, std::uint64_t number, Page page) {
    --pages_;
    Session* session = find_session(id);
    if (session == nullptr || session->page != number) return;
    session->page = 0;
    if (session->client == nullptr) return;
    if (page.failed) {
        stats_.refused("log-unreadable");
        return;  // tried again after the next commit
    }
    Client& client = *session->client;
    const bool told = client.welcomed();
    const auto missed = session->missed;
    count_missing(*session, page.page);
    if (!told) {
        // The packets behind CONNECT are looked at in there: one may have ended it.
        client.welcome();
        if (find_session(id) != session || session->client != &client) return;
    }
    if (told && session->missed != missed) return client.end(Code::quota, "log-gap", true);
    const auto batch = std::make_shared<const std::vector<Record>>(std::move(page.page.records));
    for (std::size_t i = 0; i < batch->size(); ++i) {
        if (!client.has_room()) return passed(*session);
        offer(*session, Frame(batch, i, parts_.hub->parts().context, parts_.hub->head().epoch));
    }
    session->scan = std::max(session->scan, page.page.last);
    // Numbers up to the commit that are in no page never will be.
    if (page.page.at_end) {
        session->scan = std::max(session->scan, page.committed);
        for (const Missing& hole : page.page.missing)
            session->scan = std::max(session->scan, hole.to);
    }
    session->reached = std::max(session->reached, session->scan);
    passed(*session);
    const bool further =
        !batch->empty() || session->scan >= head_ || parts_.hub->ring().covers(session->scan);
    if (further) catch_up(*session);
}

/// Records it was owed that are not in the log any more. How many is known for the whole hole
/// only: it is an upper bound.
void Broker::count_missing(Session& session, const LogPage& page) {
    for (const Missing& hole : page.missing) {
        if (hole.reason == MissingReason::crash || hole.to < session.needed) continue;
        const Seq from = std::max(hole.from, session.scan);
        if (hole.to <= from) continue;
        const auto count = std::clamp<std::uint64_t>(hole.records, 1, hole.to.value - from.value);
        session.needed = Seq{hole.to.value + 1};  // counted once
        if (session.missed == 0) session.missed_from = from;
        session.missed += count;
        session.moved = true;
        stats_.missed.add(count);
        log_warning("mqtt", "client=" + session.id + " missed at_most=" + std::to_string(count) +
                                " cause=" + std::string(to_text(hole.reason)));
        if (!parts_.tell) continue;
        std::string members =
            "\"topic\":\"mqtt\",\"text\":\"what a session was owed is not in the "
            "log any more\",\"client\":";
        append_json_string(members, session.id);
        members += ",\"from\":" + std::to_string(from.value) +
                   ",\"to\":" + std::to_string(hole.to.value) +
                   ",\"at_most\":" + std::to_string(count) + ",\"cause\":\"" +
                   std::string(to_text(hole.reason)) + "\"";
        parts_.tell(std::move(members));
    }
}

}  // namespace fog::mqtt
