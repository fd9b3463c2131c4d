#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "firmware/http/api_pool.hpp"
#include "firmware/http/encoding.hpp"
#include "firmware/http/held.hpp"
#include "firmware/http/server.hpp"

namespace fog {

/// What all sessions of a listener share. Thread: fog-io.
struct HttpShared {
    HttpParts parts;
    HttpConfig config;
    std::shared_ptr<HeldSockets> held;
    std::unique_ptr<ApiPool> pool;
    std::unordered_set<class HttpSession*> sessions;
    bool stopping = false;
    Route folder_route = {};  // serves parts.ui_folder, where one is named
};

/// One connection between its accept and its end or its hold: reads a request, checks it, has it
/// answered, writes the answer, again. One operation in flight. Thread: fog-io.
class HttpSession final : public std::enable_shared_from_this<HttpSession> {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;
    HttpSession(std::shared_ptr<HttpShared> shared, Socket socket, bool control, std::string remote,
                bool loopback);
    ~HttpSession();

    void start();
    /// Says 503 and closes: too many connections.
    void refuse_busy();
    void close();
    bool idle() const { return idle_; }
    /// The answer to the request numbered `serial`; later ones are ignored.
    void answer(std::uint64_t serial, Response response);

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    void wait_for_request();
    void read_head();
    void on_head(boost::system::error_code ec);
    void read_body();
    void on_body(boost::system::error_code ec);
    void on_read_fault(boost::system::error_code ec);
    std::optional<Problem> take_head();
    std::optional<Problem> check_head();
    void serve();
    bool serve_asset();
    void write_inflated(boost::system::error_code ec);
    void call_handler();
    void fail(const Problem& problem, bool close_after);
    void send(Response response);
    void send_packed(Response response);
    void write(std::string_view body);
    void hand_over(Response response);
    void on_sent(boost::system::error_code ec);
    std::string head_of(const Response& response, std::optional<std::size_t> length) const;
    void arm(std::chrono::nanoseconds timeout);
    void drain_input();

    std::shared_ptr<HttpShared> shared_;
    Socket socket_;
    boost::asio::steady_timer timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    Request request_;
    const Route* route_ = nullptr;
    Response response_;
    std::string head_;
    std::unique_ptr<Inflater> inflater_;  // while a file goes to a client without gzip
    std::string chunk_;
    std::string remote_;
    std::shared_ptr<HttpSession> self_;  // keeps the session while it waits for an answer
    std::uint64_t serial_ = 0;           // of the request being answered
    std::size_t drained_ = 0;            // bytes read away after the last answer
    bool control_;
    bool loopback_;
    bool idle_ = true;
    bool timed_out_ = false;
    bool keep_alive_ = false;
    bool awaiting_ = false;  // an answer
    bool first_ = true;
};

}  // namespace fog
