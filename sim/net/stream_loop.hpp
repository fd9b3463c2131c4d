#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/core/bounded_queue.hpp"
#include "firmware/core/clock.hpp"
#include "firmware/core/result.hpp"
#include "firmware/io/fd.hpp"

namespace fog::sim {

/// One TCP or Unix connection of a StreamLoop. Thread: the loop's. Never blocks.
class Stream {
public:
    std::uint64_t id() const { return id_; }
    /// What came and was not consumed; the loop reads no more beyond StreamLoop::kHeardBytes.
    std::string_view heard() const { return heard_; }
    void consume(std::size_t bytes) { heard_.erase(0, bytes); }
    /// Queues bytes; a reader that lets kQueuedBytes gather is cut off.
    void send(std::string_view bytes);
    std::size_t queued() const { return queue_.size(); }
    /// Closes after what is queued.
    void finish() {
        finishing_ = true;
        if (queue_.empty()) dead_ = true;
    }
    /// Ends only our direction after what is queued, and goes on reading.
    void shut() { shutting_ = true; }
    void close() { dead_ = true; }
    /// Closes with RST instead of FIN, and drops what is queued.
    void reset();
    /// While true nothing is read: the far end's buffers fill.
    void hold(bool held) { held_ = held; }
    /// The far end has ended its direction, and everything it sent is in heard().
    bool ended() const { return ended_; }
    bool dead() const { return dead_; }

private:
    friend class StreamLoop;
    Stream(std::uint64_t id, Fd fd) : id_(id), fd_(std::move(fd)) {}
    std::uint64_t id_;
    Fd fd_;
    std::string heard_, queue_;
    bool connecting_ = false, held_ = false, finishing_ = false, shutting_ = false, shut_ = false;
    bool ended_ = false, end_told_ = false, dead_ = false;
};

/// What listens to a StreamLoop. Called on the loop's thread; must not block or throw.
class StreamService {
public:
    virtual ~StreamService() = default;
    /// Accepted by `listener`; 0 = made by connect(), and connected now.
    virtual void opened(Stream& stream, std::uint64_t listener) = 0;
    /// Bytes came, or the far end has ended its direction.
    virtual void heard(Stream& stream) = 0;
    /// The connection is gone, or could not be made: the last call for it.
    virtual void closed(Stream& stream) = 0;
    /// Does what is due; when it wants to be called again.
    virtual std::optional<MonoTime> due(MonoTime now) = 0;
};

/// A poll() loop over listeners and connections: what the far sides, the TCP proxy and the control
/// socket stand on.
/// Threads: post() and stop() any; the rest the thread of run(), or before it the owner's.
class StreamLoop {
public:
    static constexpr std::size_t kHeardBytes = 17U << 20U;  // of one connection
    static constexpr std::size_t kQueuedBytes = 64U << 20U;
    static constexpr std::size_t kStreams = 4'096;  // more are closed at once

    explicit StreamLoop(StreamService& service);
    ~StreamLoop();
    StreamLoop(const StreamLoop&) = delete;
    StreamLoop& operator=(const StreamLoop&) = delete;

    struct Listening {
        std::uint64_t listener = 0;
        std::uint16_t port = 0;
    };
    /// On a numeric address; port 0 takes a free one. Errc::busy if it is taken.
    Result<Listening> listen(const std::string& address, std::uint16_t port);
    /// On a Unix socket, mode 0600; a stale one is replaced, one that answers is Errc::busy.
    Result<Listening> listen_unix(const std::filesystem::path& path);
    /// Connections that came by it stay; the far end of new ones is told "refused".
    void close_listener(std::uint64_t listener);
    /// Begins to connect to a numeric address; null if that fails at once.
    Stream* connect(const std::string& address, std::uint16_t port);
    Stream* find(std::uint64_t id);

    /// Runs `work` on the loop's thread; false if 1,024 wait already.
    [[nodiscard]] bool post(std::function<void()> work);
    void run();
    void stop();
    std::size_t streams() const { return streams_.size(); }

private:
    struct Listener {
        Fd fd;
        std::filesystem::path path;  // of a Unix socket, removed with it
    };
    Result<Listening> add_listener(Fd fd, std::filesystem::path path, std::uint16_t port);
    void run_posted();
    void wait(std::optional<MonoTime> until);
    void accept_from(std::uint64_t id, const Listener& listener);
    void serve(Stream& stream, short events);
    void read_some(Stream& stream);
    void write_some(Stream& stream);
    void tell(Stream& stream, bool fresh);
    void sweep();

    StreamService& service_;
    std::map<std::uint64_t, Listener> listeners_;
    std::map<std::uint64_t, std::unique_ptr<Stream>> streams_;
    std::uint64_t last_id_ = 0;
    BoundedQueue<std::function<void()>> posted_;
    Fd wake_;
    std::atomic<bool> stopping_{false};
};

/// "host:port" with a numeric host or "localhost"; "[::1]:80" too.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    static Result<HostPort> parse(std::string_view text);
};

}  // namespace fog::sim
