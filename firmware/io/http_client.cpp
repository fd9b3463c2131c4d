#include "firmware/io/http_client.hpp"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include "firmware/io/files.hpp"

namespace fog {

struct HttpClient::Impl {
    HttpTarget target;
    std::string socket_path;  // of a unix target
    std::unique_ptr<httplib::Client> client;

    Error error_of(httplib::Error error, bool too_large) const;
    httplib::Request request_of(const HttpCall& call) const;
    Result<HttpAnswer> run(httplib::Request& request, std::string body);
};

std::string_view HttpAnswer::header(std::string_view name) const {
    const auto same = [](char a, char b) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
        return lower(a) == lower(b);
    };
    for (const auto& [key, value] : headers) {
        if (std::equal(key.begin(), key.end(), name.begin(), name.end(), same)) return value;
    }
    return {};
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::open(HttpTarget target) {
    constexpr std::string_view kUnix = "unix:";
    auto impl = std::make_unique<Impl>();
    try {
        if (target.url.starts_with(kUnix)) {
            impl->socket_path = target.url.substr(kUnix.size());
            if (impl->socket_path.empty() ||
                impl->socket_path.size() >= sizeof(sockaddr_un::sun_path))
                return Error{Errc::bad_request,
                             "socket path '" + impl->socket_path + "' is empty or too long", ""};
            impl->client = std::make_unique<httplib::Client>(impl->socket_path, 80);
            impl->client->set_address_family(AF_UNIX);
        } else {
            const std::size_t scheme = target.url.find("://");
            if (!target.url.starts_with("http://") && !target.url.starts_with("https://"))
                return Error{Errc::bad_request, "'" + target.url + "' is no HTTP address",
                             "http://host:port or https://host"};
            std::string base = target.url;
            if (const std::size_t path = base.find('/', scheme + 3); path != std::string::npos)
                base.resize(path);
            impl->client = std::make_unique<httplib::Client>(base);
            if (!impl->client->is_valid())
                return Error{Errc::bad_request, "'" + target.url + "' is no HTTP address", ""};
        }
    } catch (const std::exception& error) {
        return Error{Errc::bad_request, "'" + target.url + "': " + error.what(), ""};
    }
    impl->client->set_connection_timeout(target.connect);
    impl->client->set_read_timeout(target.read);
    impl->client->set_write_timeout(target.read);
    impl->client->set_keep_alive(true);
    impl->client->set_url_encode(false);  // paths come encoded
    impl->target = std::move(target);
    return HttpClient(std::move(impl));
}

httplib::Request HttpClient::Impl::request_of(const HttpCall& call) const {
    httplib::Request request;
    request.method = call.method;
    request.path = call.path;
    if (!socket_path.empty()) request.headers.emplace("Host", "localhost");
    if (!target.token.empty()) request.headers.emplace("Authorization", "Bearer " + target.token);
    for (const auto& [name, value] : call.headers) request.headers.emplace(name, value);
    request.body = call.body;
    if (!call.body.empty()) request.headers.emplace("Content-Type", call.content_type);
    return request;
}

Error HttpClient::Impl::error_of(httplib::Error error, bool too_large) const {
    const std::string where = socket_path.empty() ? target.url : socket_path;
    if (too_large)
        return {
            Errc::refused,
            where + ": the answer is larger than " + std::to_string(target.body_bytes) + " bytes",
            ""};
    if (error == httplib::Error::SSLServerVerification || error == httplib::Error::SSLConnection ||
        error == httplib::Error::SSLLoadingCerts)
        return {Errc::denied, where + ": the certificate is not trusted", ""};
    if (error == httplib::Error::Read)
        return {Errc::timeout, where + ": no answer, or the connection broke", ""};
    if (error == httplib::Error::Connection && !socket_path.empty() &&
        ::access(socket_path.c_str(), R_OK | W_OK) != 0 && errno == EACCES)
        return {Errc::denied, where + ": no permission", ""};
    return {Errc::unreachable, where + ": no connection", ""};
}

Result<HttpAnswer> HttpClient::Impl::run(httplib::Request& request, std::string body) {
    HttpAnswer answer;
    bool too_large = false;
    answer.body = std::move(body);
    if (!request.content_receiver) {
        request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t /*offset*/,
                                       std::uint64_t /*total*/) {
            too_large = answer.body.size() + size > target.body_bytes;
            if (!too_large) answer.body.append(data, size);
            return !too_large;
        };
    }
    try {
        const httplib::Result result = client->send(request);
        if (!result) return error_of(result.error(), too_large);
        answer.status = static_cast<unsigned>(result->status);
        for (const auto& [name, value] : result->headers) answer.headers.emplace_back(name, value);
        return answer;
    } catch (const std::exception& error) {
        return Error{Errc::internal, std::string("HTTP client: ") + error.what(), ""};
    }
}

Result<HttpAnswer> HttpClient::send(const HttpCall& call) {
    httplib::Request request = impl_->request_of(call);
    return impl_->run(request, {});
}

Result<HttpAnswer> HttpClient::stream(const HttpCall& call,
                                      const std::function<bool(std::string_view)>& take) {
    httplib::Request request = impl_->request_of(call);
    std::string problem;
    unsigned status = 0;
    bool ended = false;
    request.response_handler = [&](const httplib::Response& response) {
        status = static_cast<unsigned>(response.status);
        return true;
    };
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t /*offset*/,
                                   std::uint64_t /*total*/) {
        const std::string_view piece(data, size);
        if (status / 100 == 2) {
            ended = !take(piece);
            return !ended;
        }
        problem.append(piece.substr(0, impl_->target.body_bytes - problem.size()));
        return true;
    };
    auto answer = impl_->run(request, {});
    if (!answer && ended) return HttpAnswer{status, {}, {}};  // ended by the taker
    if (answer) answer->body = std::move(problem);
    return answer;
}

}  // namespace fog
