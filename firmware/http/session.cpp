#include "firmware/http/session.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <cctype>
#include <exception>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/http/session_checks.hpp"
#include "firmware/http/target.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::string_view kSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
constexpr auto kWriteTimeout = std::chrono::seconds(30);
constexpr std::size_t kPackFrom = 1024;

/// JSON that is large enough and not encoded yet.
bool worth_packing(const Response& response) {
    if (response.shared_body || response.body.size() < kPackFrom) return false;
    if (response.content_type != "application/json" &&
        response.content_type != "application/problem+json")
        return false;
    return std::none_of(response.headers.begin(), response.headers.end(),
                        [](const auto& header) { return header.first == "Content-Encoding"; });
}

/// Answers once; a handler that lets go of it without an answer has failed.
class OneAnswer {
public:
    OneAnswer(EventLoop& loop, std::weak_ptr<HttpSession> session, std::uint64_t serial)
        : loop_(loop), session_(std::move(session)), serial_(serial) {}
    ~OneAnswer() {
        if (!done_.exchange(true)) post(internal_fault("the handler gave no answer"));
    }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;
    void give(Response response) {
        if (!done_.exchange(true)) post(std::move(response));
    }

private:
    void post(Response response) {
        auto boxed = std::make_shared<Response>(std::move(response));
        loop_.post([session = session_, serial = serial_, boxed] {
            if (const auto alive = session.lock()) alive->answer(serial, std::move(*boxed));
        });
    }
    EventLoop& loop_;
    std::weak_ptr<HttpSession> session_;
    std::uint64_t serial_;
    std::atomic<bool> done_{false};
};

void run_handler(const Route& route, Request request, const Responder& responder) {
    try {
        route.handler(std::move(request), responder);
    } catch (const std::exception& fault) {
        responder(internal_fault(fault.what()));
    }
}

}  // namespace

HttpSession::HttpSession(std::shared_ptr<HttpShared> shared, Socket socket, bool control,
                         std::string remote, bool loopback)
    : shared_(std::move(shared)),
      socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      remote_(std::move(remote)),
      control_(control),
      loopback_(loopback) {
    shared_->sessions.insert(this);
}

HttpSession::~HttpSession() {
    shared_->sessions.erase(this);
}

void HttpSession::arm(std::chrono::nanoseconds timeout) {
    timed_out_ = false;
    timer_.expires_after(timeout);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = weak.lock();
        if (!self || ec) return;
        self->timed_out_ = true;
        boost::system::error_code ignored;
        self->socket_.cancel(ignored);
    });
}

void HttpSession::start() {
    read_head();
}

void HttpSession::close() {
    timer_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

void HttpSession::refuse_busy() {
    keep_alive_ = false;
    Problem busy{503, "busy", "Too many connections", {}, "Try again in a moment.", {}, {}, {}, 2};
    busy.limit = shared_->parts.limits.clients;
    send(problem_response(busy));
}

void HttpSession::wait_for_request() {
    if (shared_->stopping) return close();
    if (buffer_.size() != 0) return read_head();
    idle_ = true;
    buffer_ = boost::beast::flat_buffer();  // an idle connection holds no memory for input
    arm(shared_->parts.limits.idle_timeout);
    socket_.async_wait(Socket::wait_read,
                       [self = shared_from_this()](boost::system::error_code ec) {
                           if (ec || self->shared_->stopping) return self->close();
                           self->read_head();
                       });
}

void HttpSession::read_head() {
    idle_ = false;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->parts.limits.header_bytes));
    parser_->body_limit(shared_->parts.limits.body_bytes);
    request_ = Request{};
    route_ = nullptr;
    ++serial_;
    arm(shared_->parts.limits.header_timeout);
    http::async_read_header(socket_, buffer_, *parser_,
                            [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                                self->on_head(ec);
                            });
}

void HttpSession::on_read_fault(boost::system::error_code ec) {
    const bool said_something = parser_ && parser_->got_some();
    Problem problem{400, "request-malformed", "The request is not HTTP/1.1", {}, {}, {}, {}, {},
                    {}};
    if (timed_out_) {
        if (!said_something && !first_) return close();
        problem = {408, "timeout", "The request did not come in time", {}, {}, {}, {}, {}, {}};
    } else if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
        problem = {431, "too-large", "The headers are too large", {}, {}, {}, {}, {}, {}};
        problem.limit = shared_->parts.limits.header_bytes;
    } else if (ec == http::error::body_limit) {
        problem = {413, "too-large", "The body is too large", {}, {}, {}, {}, {}, {}};
        problem.limit = route_ != nullptr && route_->body_bytes != 0
                            ? route_->body_bytes
                            : shared_->parts.limits.body_bytes;
    } else if (ec == http::error::end_of_stream || ec == http::error::partial_message ||
               ec == asio::error::eof || ec == asio::error::connection_reset ||
               ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) {
        return close();
    } else {
        problem.detail = ec.message();
    }
    fail(problem, true);
}

void HttpSession::on_head(boost::system::error_code ec) {
    timer_.cancel();
    if (ec || timed_out_) return on_read_fault(ec);
    keep_alive_ = parser_->get().keep_alive() && !shared_->stopping;
    first_ = false;
    auto problem = take_head();
    if (!problem) problem = check_head();
    // The body of a refused request is not read, so the connection cannot go on after one.
    if (problem) return fail(*problem, !parser_->is_done());
    parser_->body_limit(route_ != nullptr && route_->body_bytes != 0
                            ? route_->body_bytes
                            : shared_->parts.limits.body_bytes);
    const auto length = parser_->content_length();
    const auto most = route_ != nullptr && route_->body_bytes != 0
                          ? route_->body_bytes
                          : shared_->parts.limits.body_bytes;
    if (length && *length > most) return on_read_fault(http::error::body_limit);
    if (parser_->is_done()) return serve();
    read_body();
}

std::optional<Problem> HttpSession::take_head() {
    const auto& message = parser_->get();
    request_.remote = remote_;
    request_.loopback = loopback_;
    for (const auto& field : message) {
        std::string name(field.name_string());
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        request_.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    request_.target = std::string(message.target());
    return fill_request(std::string_view(message.method_string()), request_);
}

std::optional<Problem> HttpSession::check_head() {
    if (!control_)
        if (auto problem = check_names(request_, shared_->config)) return problem;
    const auto target = parse_target(request_.target);
    auto found = shared_->parts.router.find(request_.method, target->raw_path);
    route_ = found.route;
    request_.path_values = std::move(found.values);
    if (route_ == nullptr) {
        const bool reads = request_.method == Method::get || request_.method == Method::head;
        if (!shared_->parts.ui_folder.empty() && found.allowed.empty() && reads) {
            route_ = &shared_->folder_route;
            return std::nullopt;
        }
        const bool asset = find_asset(shared_->parts.assets, request_).has_value();
        if (asset && reads) return std::nullopt;
        if (asset) found.allowed = {Method::get, Method::head};
        return no_route(request_, found.allowed);
    }
    if (control_) {
        request_.principal = Principal{"local", scope::kAll, {"#"}, {}, 0, false};
        return std::nullopt;
    }
    return check_access(*route_, shared_->parts.authenticator, request_);
}

void HttpSession::read_body() {
    if (request_.header("expect") == "100-continue") {
        static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
        boost::system::error_code ec;
        // 25 bytes into an empty send buffer: taken at once or the link is dead.
        socket_.non_blocking(true, ec);
        socket_.send(asio::buffer(kGoOn), 0, ec);
    }
    arm(shared_->parts.limits.body_timeout);
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                         self->on_body(ec);
                     });
}

void HttpSession::on_body(boost::system::error_code ec) {
    timer_.cancel();
    if (ec || timed_out_) return on_read_fault(ec);
    serve();
}

void HttpSession::serve() {
    request_.body = std::move(parser_->get().body());
    parser_.reset();
    if (route_ == nullptr) {
        serve_asset();
        return;
    }
    call_handler();
}

bool HttpSession::serve_asset() {
    const auto answer = find_asset(shared_->parts.assets, request_);
    if (!answer) return false;
    const Asset& asset = *answer->asset;
    Response response;
    response.status = answer->status;
    response.content_type = asset.content_type;
    response.headers.emplace_back("ETag", answer->etag);
    response.headers.emplace_back(
        "Cache-Control", asset.immutable_name ? "public, max-age=31536000, immutable" : "no-cache");
    response.headers.emplace_back("Vary", "Accept-Encoding");
    const bool plain = answer->coding == AssetAnswer::Coding::identity;
    if (!plain && answer->status == 200)
        response.headers.emplace_back(
            "Content-Encoding", answer->coding == AssetAnswer::Coding::brotli ? "br" : "gzip");
    response_ = std::move(response);
    head_ = head_of(response_, plain ? asset.size : answer->body.size());
    const bool bodyless = request_.method == Method::head || answer->status == 304;
    if (bodyless || !plain) {
        write(bodyless ? std::string_view{} : answer->body);
        return true;
    }
    inflater_ = std::make_unique<Inflater>(answer->body);
    arm(kWriteTimeout);
    asio::async_write(socket_, asio::buffer(head_),
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                          self->write_inflated(ec);
                      });
    return true;
}

/// The next piece of a file for a client that takes it only plain.
void HttpSession::write_inflated(boost::system::error_code ec) {
    if (ec || !inflater_->next(chunk_)) {
        // What the table holds is right by construction; a broken one must not look whole.
        if (!ec && !inflater_->complete()) ec = asio::error::eof;
        inflater_.reset();
        chunk_ = {};
        return on_sent(ec);
    }
    arm(kWriteTimeout);
    asio::async_write(socket_, asio::buffer(chunk_),
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                          self->write_inflated(ec);
                      });
}

void HttpSession::call_handler() {
    awaiting_ = true;
    auto once = std::make_shared<OneAnswer>(shared_->parts.loop, weak_from_this(), serial_);
    Responder responder = [once](Response response) { once->give(std::move(response)); };
    once.reset();
    // Kept until the answer: a hold is taken together with the request it answers.
    self_ = shared_from_this();
    std::string body = std::exchange(request_.body, {});
    Request request = request_;
    request.body = std::move(body);
    if (route_->run_on == RunOn::io) return run_handler(*route_, std::move(request), responder);
    const bool taken =
        shared_->pool->run([route = route_, request = std::move(request), responder]() mutable {
            run_handler(*route, std::move(request), responder);
        });
    if (taken) return;
    Problem busy{503, "busy", "Too many requests wait", {}, {}, {}, {}, {}, 1};
    busy.limit = shared_->parts.limits.api_queue;
    responder(problem_response(busy, request_.target));
}

void HttpSession::answer(std::uint64_t serial, Response response) {
    if (!awaiting_ || serial != serial_) return;
    awaiting_ = false;
    const auto self = std::exchange(self_, nullptr);
    if (!socket_.is_open()) return;
    if (response.hold) return hand_over(std::move(response));
    if (!worth_packing(response)) return send(std::move(response));
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (!accepts(request_.header("accept-encoding"), "gzip")) return send(std::move(response));
    send_packed(std::move(response));
}

/// Compresses on fog-api, then sends; with a full queue it goes as it is.
void HttpSession::send_packed(Response response) {
    auto boxed = std::make_shared<Response>(std::move(response));
    self_ = shared_from_this();
    const bool taken = shared_->pool->run(
        [boxed, weak = weak_from_this(), serial = serial_, &loop = shared_->parts.loop] {
            if (auto packed = gzip(boxed->body)) {
                boxed->body = std::move(*packed);
                boxed->headers.emplace_back("Content-Encoding", "gzip");
            }
            loop.post([boxed, weak, serial] {
                const auto self = weak.lock();
                if (!self || serial != self->serial_) return;
                self->self_.reset();
                if (self->socket_.is_open()) self->send(std::move(*boxed));
            });
        });
    if (taken) return;
    self_.reset();
    send(std::move(*boxed));
}

void HttpSession::fail(const Problem& problem, bool close_after) {
    if (close_after) keep_alive_ = false;
    auto response = problem_response(problem, request_.path);
    if (problem.status == 405) response.headers.emplace_back("Allow", problem.hint);
    send(std::move(response));
}

std::string HttpSession::head_of(const Response& response,
                                 std::optional<std::size_t> length) const {
    std::string head = "HTTP/1.1 ";
    append_uint(head, response.status);
    head += ' ';
    head += std::string_view(http::obsolete_reason(http::int_to_status(response.status)));
    head += "\r\n";
    const auto add = [&head](std::string_view name, std::string_view value) {
        head.append(name).append(": ").append(value).append("\r\n");
    };
    const bool bodyless = response.status == 304 || response.status == 204 || response.status < 200;
    if (length && !bodyless) {
        add("Content-Type", response.content_type);
        add("Content-Length", std::to_string(*length));
    } else if (!length && response.status == 200) {
        add("Content-Type", response.content_type);
    }
    for (const auto& [name, value] : response.headers) add(name, value);
    add("X-Content-Type-Options", "nosniff");
    if (response.content_type.rfind("text/html", 0) == 0) {
        add("Content-Security-Policy", kSecurityPolicy);
        add("Referrer-Policy", "no-referrer");
    }
    if (response.status != 101) add("Connection", length && keep_alive_ ? "keep-alive" : "close");
    head += "\r\n";
    return head;
}

void HttpSession::send(Response response) {
    response_ = std::move(response);
    const std::string_view body =
        response_.shared_body ? std::string_view(*response_.shared_body) : response_.body;
    head_ = head_of(response_, body.size());
    const bool bodyless =
        request_.method == Method::head || response_.status == 304 || response_.status == 204;
    write(bodyless ? std::string_view{} : body);
}

void HttpSession::write(std::string_view body) {
    arm(kWriteTimeout);
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(head_),
                                                     asio::buffer(body.data(), body.size())};
    asio::async_write(socket_, parts,
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                          self->on_sent(ec);
                      });
}

void HttpSession::on_sent(boost::system::error_code ec) {
    timer_.cancel();
    response_ = Response{};
    head_ = {};
    if (ec) return close();
    if (keep_alive_) return wait_for_request();
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    arm(std::chrono::seconds(2));
    drain_input();
}

/// Reads away what the client still sends, so that closing does not reset the answer it reads.
void HttpSession::drain_input() {
    buffer_.clear();
    socket_.async_read_some(
        buffer_.prepare(4096),
        [self = shared_from_this()](boost::system::error_code ec, std::size_t got) {
            self->drained_ += got;
            if (ec || self->drained_ > (1U << 20U)) return self->close();
            self->drain_input();
        });
}

void HttpSession::hand_over(Response response) {
    const auto hold = std::dynamic_pointer_cast<ConnectionHold>(response.hold);
    if (!hold || request_.method == Method::head) {
        keep_alive_ = false;
        response.hold.reset();
        response.body.clear();
        return send(std::move(response));
    }
    const std::string head = head_of(response, std::nullopt);
    const auto input = buffer_.cdata();
    std::string early(static_cast<const char*>(input.data()), input.size());
    boost::system::error_code ec;
    socket_.non_blocking(true, ec);
    Fd socket(socket_.release(ec));
    if (ec) return;
    auto held = shared_->held->adopt(std::move(socket), std::move(early));
    if (!held) return;
    const iovec part{const_cast<char*>(head.data()), head.size()};
    // A fresh send buffer holds any head; a client whose does not is not worth keeping.
    if (held->write(std::span(&part, 1)).bytes != head.size()) return;
    hold->take(std::move(held), request_);
}

}  // namespace fog
