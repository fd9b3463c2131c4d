#include "tests/bench/daemon.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace fog::bench {
namespace {

constexpr std::int64_t kAnswer = 10'000'000;

std::filesystem::path shared_memory(const std::filesystem::path& otherwise) {
    return ::access("/dev/shm", W_OK) == 0 ? std::filesystem::path("/dev/shm") : otherwise;
}

}  // namespace

HttpTalk::HttpTalk(const std::filesystem::path& socket) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

HttpTalk::HttpTalk(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void HttpTalk::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) fail("the gateway closed the connection");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void HttpTalk::read_some(std::int64_t until) {
    pollfd ready{fd_.get(), POLLIN, 0};
    const std::int64_t left = until - now_us();
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left / 1000 + 1)) <= 0)
        fail("no answer of the gateway in time");
    std::array<char, 65536> buffer{};
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) fail("the gateway closed the connection");
    got_.append(buffer.data(), static_cast<std::size_t>(count));
}

std::string HttpTalk::post(std::string_view target, std::string_view body) {
    write("POST " + std::string(target) +
          " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    const std::int64_t until = now_us() + kAnswer;
    std::size_t head = 0;
    while ((head = got_.find("\r\n\r\n")) == std::string::npos) read_some(until);
    head += 4;
    std::size_t length = 0;
    if (const auto at = got_.find("Content-Length: "); at < head)
        length = std::strtoul(got_.c_str() + at + 16, nullptr, 10);
    while (got_.size() < head + length) read_some(until);
    const std::string answer = got_.substr(head, length);
    const bool good = got_.compare(9, 1, "2") == 0;
    const std::string status = got_.substr(0, got_.find('\r'));
    got_.erase(0, head + length);
    if (!good) fail(std::string(target) + ": " + status + " " + answer);
    return answer;
}

void HttpTalk::open_stream(std::string_view target, std::string_view token) {
    write("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
          std::string(token) + "\r\nAccept: text/event-stream\r\n\r\n");
    wait_for("\r\n\r\n");
}

void HttpTalk::wait_for(std::string_view text) {
    const std::int64_t until = now_us() + kAnswer;
    std::size_t at = 0;
    while ((at = got_.find(text)) == std::string::npos) read_some(until);
    got_.erase(0, at + text.size());
}

Daemon::Daemon(const std::filesystem::path& program, const std::filesystem::path& below)
    : folder_(below), runtime_(shared_memory(below)), program_(program) {
    std::filesystem::create_directories(folder_.path() / "rules.d");
    configure({});
    // The passphrase hash takes much memory for a moment: it is made by a run that isn't measured.
    start();
    HttpTalk control(this->control());
    control.post("/api/v1/claim/set", R"({"passphrase":"correct horse of a benchmark"})");
    const std::string made = control.post(
        "/api/v1/tokens",
        R"({"name":"bench","scopes":["read:live","read:history","ingest"],"subscribe":["#"]})");
    const auto at = made.find("\"fgl_");
    if (at == std::string::npos) fail("no token in " + made);
    token_ = made.substr(at + 1, made.find('"', at + 1) - at - 1);
    stop();
}

Daemon::~Daemon() {
    stop();
}

void Daemon::configure(std::string_view more) const {
    std::ofstream(folder_.path() / "fogline.toml")
        << "[http]\nlisten = [\"127.0.0.1\"]\nport = 0\n[mqtt.listener]\nport = 0\n"
           "[logging]\nlevel = \"warning\"\n"
        << more;
}

void Daemon::add_rule(const std::string& id, std::string_view toml) {
    std::ofstream(folder_.path() / "rules.d" / (id + ".toml")) << toml;
}

void Daemon::start() {
    const auto port_file = runtime_.path() / "port";
    std::filesystem::remove(port_file);
    std::filesystem::remove(runtime_.path() / "mqtt.port");
    const std::string config = (folder_.path() / "fogline.toml").string();
    const std::string state = (folder_.path() / "state").string();
    const std::string log = (folder_.path() / "daemon.log").string();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        const int out = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execl(program_.c_str(), "foglined", "--config", config.c_str(), "--state", state.c_str(),
                "--runtime", runtime_.path().c_str(), nullptr);
        ::_exit(127);
    }
    const std::int64_t until = now_us() + 20'000'000;
    for (;;) {
        const std::string text = read_text(port_file);
        if (!text.empty() && text.back() == '\n') {
            port_ = static_cast<std::uint16_t>(std::strtoul(text.c_str(), nullptr, 10));
            if (HttpTalk(port_).connected()) return;
        }
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
            fail(program_.string() + " did not start: " + read_text(log));
        }
        if (now_us() > until) fail("the gateway did not come up: " + read_text(log));
        sleep_us(500);
    }
}

std::uint16_t Daemon::mqtt_port() const {
    // The listener opens with the first commit, a moment after the web port.
    for (const std::int64_t until = now_us() + kAnswer; now_us() < until; sleep_us(1'000)) {
        const auto port =
            std::strtoul(read_text(runtime_.path() / "mqtt.port").c_str(), nullptr, 10);
        if (port != 0) return static_cast<std::uint16_t>(port);
    }
    fail("the gateway opens no MQTT port");
}

void Daemon::stop() {
    end_process(pid_);
    pid_ = -1;
}

}  // namespace fog::bench
