#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sim/net/stream_loop.hpp"
#include "sim/world/fault_spec.hpp"

namespace fog::sim {

/// TCP proxies on loopback, each in front of one host:port, with the faults of a bad network.
/// Threads: any calls set() and cut(), the owner's the rest; the bytes are moved by `fog-sim-tcp`.
class TcpProxies final : private StreamService {
public:
    static constexpr std::size_t kPairBytes = 4U << 20U;  // held in each direction, then no reading

    TcpProxies();
    ~TcpProxies() override;
    TcpProxies(const TcpProxies&) = delete;
    TcpProxies& operator=(const TcpProxies&) = delete;

    /// Before start(). The port it listens on. Errc: bad_config (`to`), busy (the port).
    Result<std::uint16_t> add(const std::string& id, std::uint16_t port, const std::string& to);
    void start();
    void stop();
    /// A fault of `fault.target` begins or ends.
    void set(const FaultSpec& fault, bool begins);
    /// Resets every connection of a proxy.
    void cut(const std::string& id);

private:
    struct Piece {
        MonoTime at;
        std::string bytes;
    };
    /// One direction of a connection.
    struct Flow {
        std::uint64_t from = 0, to = 0;  // streams; 0 = not there yet
        std::deque<Piece> late;
        std::size_t late_bytes = 0;
        double budget = 0;  // throttle: bytes that may pass now
        MonoTime filled{};
        bool ended = false;
    };
    struct Proxy;
    struct Pair {
        Proxy* proxy = nullptr;
        Flow up, down;  // client to server, server to client
        std::uint64_t passed = 0;
    };
    struct Proxy {
        std::string id;
        HostPort to;
        std::uint16_t port = 0;
        std::uint64_t listener = 0;  // 0 = refusing
        std::vector<FaultSpec> active;
        const FaultSpec* find(FaultKind kind) const;
    };
    void opened(Stream& stream, std::uint64_t listener) override;
    void heard(Stream& stream) override;
    void closed(Stream& stream) override;
    std::optional<MonoTime> due(MonoTime now) override;

    void begin(Proxy& proxy, const FaultSpec& fault);
    void connect_up(const std::shared_ptr<Pair>& pair);
    void pump(Pair& pair, MonoTime now);
    void pump(Pair& pair, Flow& flow, MonoTime now);
    std::size_t allowed(Pair& pair, Flow& flow, std::size_t wanted, MonoTime now);
    void end_pair(Pair& pair, bool reset);
    template <class Action>
    void each_pair(const Proxy& proxy, Action action);

    StreamLoop loop_;
    std::map<std::string, std::unique_ptr<Proxy>> proxies_;
    std::map<std::uint64_t, std::shared_ptr<Pair>> pairs_;  // by stream, both ends
    std::thread thread_;
};

}  // namespace fog::sim
