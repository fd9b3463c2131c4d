#include "sim/links/tcp_proxy.hpp"

#include <pthread.h>

#include <algorithm>
#include <set>

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
using K = FaultKind;
constexpr auto kStep = 5ms;  // how finely throttled and waiting bytes move

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

const FaultSpec* TcpProxies::Proxy::find(FaultKind kind) const {
    const auto found = std::find_if(active.begin(), active.end(),
                                    [kind](const FaultSpec& each) { return each.kind == kind; });
    return found == active.end() ? nullptr : &*found;
}

TcpProxies::TcpProxies() : loop_(*this) {}

TcpProxies::~TcpProxies() {
    stop();
}

Result<std::uint16_t> TcpProxies::add(const std::string& id, std::uint16_t port,
                                      const std::string& to) {
    auto target = HostPort::parse(to);
    if (!target) return std::move(target.error()).in("tcp/" + id);
    auto listening = loop_.listen("127.0.0.1", port);
    if (!listening) return std::move(listening.error()).in("tcp/" + id);
    auto proxy = std::make_unique<Proxy>();
    proxy->id = id;
    proxy->to = std::move(*target);
    proxy->port = listening->port;
    proxy->listener = listening->listener;
    proxies_[id] = std::move(proxy);
    return listening->port;
}

void TcpProxies::start() {
    thread_ = std::thread([this] { loop_.run(); });
    pthread_setname_np(thread_.native_handle(), "fog-sim-tcp");
}

void TcpProxies::stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
}

template <class Action>
void TcpProxies::each_pair(const Proxy& proxy, Action action) {
    std::set<std::shared_ptr<Pair>> found;  // every pair stands under both its streams
    for (const auto& [id, pair] : pairs_) {
        if (pair->proxy == &proxy) found.insert(pair);
    }
    for (const auto& pair : found) action(*pair);
}

void TcpProxies::set(const FaultSpec& fault, bool begins) {
    // A thousand may wait: more than faults can be.
    [[maybe_unused]] const bool posted = loop_.post([this, fault, begins] {
        const auto found = proxies_.find(fault.target);
        if (found == proxies_.end()) return;
        Proxy& proxy = *found->second;
        const auto same = [&fault](const FaultSpec& each) { return each.id == fault.id; };
        auto& active = proxy.active;
        active.erase(std::remove_if(active.begin(), active.end(), same), active.end());
        if (begins) begin(proxy, fault);
    });
}

void TcpProxies::begin(Proxy& proxy, const FaultSpec& fault) {
    proxy.active.push_back(fault);
    if (fault.kind == K::refuse && proxy.listener != 0) {
        loop_.close_listener(std::exchange(proxy.listener, 0));
    }
    if (fault.kind == K::reset) {
        each_pair(proxy, [this](Pair& pair) { end_pair(pair, true); });
    }
    if (fault.kind == K::cut_after) {
        each_pair(proxy, [](Pair& pair) { pair.passed = 0; });
    }
    if (fault.kind == K::half_close) {
        each_pair(proxy, [this](Pair& pair) {
            if (Stream* client = loop_.find(pair.up.from)) client->shut();
        });
    }
}

void TcpProxies::cut(const std::string& id) {
    [[maybe_unused]] const bool posted = loop_.post([this, id] {
        const auto found = proxies_.find(id);
        if (found == proxies_.end()) return;
        each_pair(*found->second, [this](Pair& pair) { end_pair(pair, true); });
    });
}

void TcpProxies::end_pair(Pair& pair, bool reset) {
    for (const std::uint64_t id : {pair.up.from, pair.up.to}) {
        Stream* stream = loop_.find(id);
        if (stream == nullptr) continue;
        if (reset) {
            stream->reset();
        } else {
            stream->close();
        }
    }
}

void TcpProxies::opened(Stream& stream, std::uint64_t listener) {
    if (listener == 0) {  // the server's side is there
        const auto found = pairs_.find(stream.id());
        if (found == pairs_.end()) return stream.close();
        const std::shared_ptr<Pair> pair = found->second;
        if (Stream* client = loop_.find(pair->up.from)) client->hold(false);
        return;
    }
    const auto owner = std::find_if(proxies_.begin(), proxies_.end(), [listener](const auto& each) {
        return each.second->listener == listener;
    });
    if (owner == proxies_.end() || owner->second->find(K::reset) != nullptr) return stream.reset();
    auto pair = std::make_shared<Pair>();
    pair->proxy = owner->second.get();
    pair->up.from = pair->down.to = stream.id();
    pair->up.filled = pair->down.filled = mono_now();
    pairs_[stream.id()] = pair;
    stream.hold(true);
    connect_up(pair);
}

void TcpProxies::connect_up(const std::shared_ptr<Pair>& pair) {
    if (pair->proxy->find(K::blackhole) != nullptr) return;  // due() tries again
    Stream* server = loop_.connect(pair->proxy->to.host, pair->proxy->to.port);
    if (server == nullptr) return end_pair(*pair, false);
    pair->up.to = pair->down.from = server->id();
    pairs_[server->id()] = pair;
}

void TcpProxies::heard(Stream& stream) {
    const auto found = pairs_.find(stream.id());
    if (found == pairs_.end()) return stream.close();
    const std::shared_ptr<Pair> pair = found->second;
    pump(*pair, mono_now());
}

void TcpProxies::closed(Stream& stream) {
    const auto found = pairs_.find(stream.id());
    if (found == pairs_.end()) return;
    const std::shared_ptr<Pair> pair = found->second;
    pairs_.erase(found);
    // The other end gets what was heard, then the end.
    const bool was_client = pair->up.from == stream.id();
    Stream* other = loop_.find(was_client ? pair->up.to : pair->up.from);
    if (other == nullptr) return;
    if (pair->proxy->find(K::blackhole) == nullptr) other->send(stream.heard());
    other->finish();
}

std::size_t TcpProxies::allowed(Pair& pair, Flow& flow, std::size_t wanted, MonoTime now) {
    if (const FaultSpec* cut = pair.proxy->find(K::cut_after)) {
        const std::uint64_t left = cut->bytes - std::min(cut->bytes, pair.passed);
        wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, left));
    }
    const FaultSpec* throttle = pair.proxy->find(K::throttle);
    if (throttle == nullptr) {
        flow.filled = now;
        flow.budget = 0;
        return wanted;
    }
    const double rate = static_cast<double>(throttle->rate);
    flow.budget += rate * std::chrono::duration<double>(now - flow.filled).count();
    flow.budget = std::min(flow.budget, std::max(1.0, rate / 10));  // a burst of 100 ms at most
    flow.filled = now;
    const auto most = static_cast<std::size_t>(flow.budget);
    wanted = std::min(wanted, most);
    flow.budget -= static_cast<double>(wanted);
    return wanted;
}

void TcpProxies::pump(Pair& pair, MonoTime now) {
    pump(pair, pair.up, now);
    pump(pair, pair.down, now);
    const FaultSpec* cut = pair.proxy->find(K::cut_after);
    if (cut != nullptr && pair.passed >= cut->bytes) {
        for (const std::uint64_t id : {pair.up.from, pair.up.to}) {
            if (Stream* stream = loop_.find(id)) stream->finish();
        }
    }
}

void TcpProxies::pump(Pair& pair, Flow& flow, MonoTime now) {
    Stream* from = loop_.find(flow.from);
    Stream* to = loop_.find(flow.to);
    if (from == nullptr || to == nullptr) return;
    if (pair.proxy->find(K::blackhole) != nullptr) return from->hold(true);
    const FaultSpec* latency = pair.proxy->find(K::latency);
    const std::size_t room = kPairBytes - std::min(kPairBytes, to->queued() + flow.late_bytes);
    const std::size_t take = allowed(pair, flow, std::min(from->heard().size(), room), now);
    if (take > 0) {
        pair.passed += take;
        std::string bytes(from->heard().substr(0, take));
        from->consume(take);
        if (latency != nullptr || !flow.late.empty()) {
            const MonoTime at = now + (latency != nullptr ? latency->by : SimTime{0});
            flow.late_bytes += take;
            flow.late.push_back({at, std::move(bytes)});
        } else {
            to->send(bytes);
        }
    }
    while (!flow.late.empty() && flow.late.front().at <= now) {
        to->send(flow.late.front().bytes);
        flow.late_bytes -= flow.late.front().bytes.size();
        flow.late.pop_front();
    }
    from->hold(from->heard().size() >= 65'536);
    if (from->ended() && !flow.ended && from->heard().empty() && flow.late.empty()) {
        flow.ended = true;
        to->shut();
        Stream* back = loop_.find(flow.from);
        const Flow& other = &flow == &pair.up ? pair.down : pair.up;
        if (other.ended && back != nullptr) {  // both directions are over
            to->finish();
            back->finish();
        }
    }
}

std::optional<MonoTime> TcpProxies::due(MonoTime now) {
    bool busy = false;
    for (auto& [id, proxy] : proxies_) {
        if (proxy->listener == 0 && proxy->find(K::refuse) == nullptr) {
            // Taken meanwhile by someone else: tried again.
            auto again = loop_.listen("127.0.0.1", proxy->port);
            if (again) proxy->listener = again->listener;
            busy = true;
        }
    }
    std::set<std::shared_ptr<Pair>> pairs;
    for (const auto& [id, pair] : pairs_) pairs.insert(pair);
    for (const auto& pair : pairs) {
        const bool black = pair->proxy->find(K::blackhole) != nullptr;
        if (pair->up.to == 0 && !black) connect_up(pair);
        pump(*pair, now);
        for (const Flow* flow : {&pair->up, &pair->down}) {
            const Stream* from = loop_.find(flow->from);
            const bool left = from != nullptr && !from->heard().empty();
            busy = busy || left || !flow->late.empty();
        }
    }
    if (!busy) return std::nullopt;
    return now + kStep;
}

}  // namespace fog::sim
