#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/io/http_client.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_folder.hpp"

namespace fog {

using Json = nlohmann::json;

/// An answer of the gateway: status 0 if there was none.
struct Answer {
    unsigned status = 0;
    std::string body;
    std::string etag;
    Json json() const { return Json::parse(body, nullptr, false); }
};

/// An external broker as source `devices`.
inline std::string mqtt_source(const std::string& url) {
    return "[[mqtt.source]]\nid = \"devices\"\nurl = \"" + url + "\"\n";
}

/// The real foglined in a folder of its own on a port the system picks. Configuration is written
/// with write() before start(); the state stays from start to start. Throws when it does not come
/// up. Blocks: start() and stop(), up to 20 s.
class Gateway {
public:
    Gateway() {
        ::signal(SIGPIPE, SIG_IGN);  // a refused body ends with a closed connection
        for (const char* one : {"config/rules.d", "config/ports.d", "config/uplinks.d", "run"})
            std::filesystem::create_directories(path(one));
        configure();
    }

    std::filesystem::path path(std::string_view below) const { return folder_.path() / below; }
    std::filesystem::path config() const { return path("config/fogline.toml"); }
    void write(std::string_view below, std::string_view text) const {
        std::ofstream(path("config") / below) << text;
    }

    /// The main file: ports the system picks, on loopback, and `more`.
    void configure(std::string_view more = {}) const {
        std::string text = "[http]\nlisten = [\"127.0.0.1\"]\nport = 0\n";
        if (more.find("[mqtt.listener]") == std::string_view::npos)
            text += "[mqtt.listener]\nbind = [\"127.0.0.1\"]\nport = 0\n";
        write("fogline.toml", text.append(more));
    }

    /// Launches it without waiting; for starts that must fail.
    void launch() {
        std::filesystem::remove(path("run/port"));
        child_ = Child({FOG_BIN_DIR "/foglined", "--config", config(), "--state", path("state"),
                        "--runtime", path("run")},
                       path("gateway.log"));
    }
    /// Launches it and waits until it is ready; claims it the first time.
    void start() {
        launch();
        // Half a minute: sanitizers, and a machine that builds meanwhile.
        const bool up = eventually([this] { return !child_.running() || find_port(); },
                                   std::chrono::seconds(30)) &&
                        child_.running() && eventually([this] { return ready(); });
        if (!up) throw std::runtime_error("foglined does not come up:\n" + log());
        if (token_.empty()) claim();
    }
    void kill9() { child_.kill9(); }
    /// SIGTERM; the exit code.
    std::optional<int> stop() {
        child_.signal(SIGTERM);
        return child_.wait(std::chrono::seconds(20));
    }
    Child& child() { return child_; }
    std::string log() const { return text_of(path("gateway.log")); }
    std::uint16_t port() const { return port_; }
    const std::string& token() const { return token_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    Answer get(std::string_view what) const { return send("GET", what); }
    Answer post(std::string_view what, std::string_view body) const {
        return send("POST", what, body);
    }
    Answer put(std::string_view what, std::string_view body,
               std::vector<std::pair<std::string, std::string>> headers = {}) const {
        return send("PUT", what, body, std::move(headers));
    }
    Answer send(std::string_view method, std::string_view what, std::string_view body = {},
                std::vector<std::pair<std::string, std::string>> headers = {}) const {
        return call({url(), token_}, method, what, body, std::move(headers));
    }
    /// Over the port, with nothing to prove who asks.
    Answer anonymous(std::string_view method, std::string_view what,
                     std::string_view body = {}) const {
        return call({url(), {}}, method, what, body, {});
    }
    /// Over the control socket.
    Answer control(std::string_view method, std::string_view what,
                   std::string_view body = {}) const {
        return call({"unix:" + path("run/control.sock").string(), {}}, method, what, body,
                    {{"X-Fogline", "1"}});
    }
    static Answer call(HttpTarget target, std::string_view method, std::string_view what,
                       std::string_view body,
                       std::vector<std::pair<std::string, std::string>> headers) {
        target.read = std::chrono::seconds(20);
        auto client = HttpClient::open(std::move(target));
        if (!client) return {};
        HttpCall request;
        request.method = method;
        request.path = what;
        request.body = body;
        request.headers = std::move(headers);
        const auto answer = client->send(request);
        if (!answer) return {};
        return {answer->status, answer->body, std::string(answer->header("etag"))};
    }

    /// The point as GET /api/v1/devices/{dev}/points/{pt} tells it; null if there is none.
    Json point(const std::string& device, const std::string& point) const {
        const auto answer = get("/api/v1/devices/" + device + "/points/" + point);
        return answer.status == 200 ? answer.json() : Json();
    }
    /// Sum of a counter over its labels; 0 if it is not there.
    double metric(const std::string& name) const {
        const std::string text = get("/metrics").body;
        double sum = 0;
        for (std::size_t at = 0; (at = text.find("\n" + name, at)) != std::string::npos; ++at) {
            const auto end = text.find('\n', at + 1);
            const auto next = text[at + 1 + name.size()];
            if (next != ' ' && next != '{') continue;
            sum += std::strtod(text.c_str() + text.rfind(' ', end), nullptr);
        }
        return sum;
    }

private:
    bool find_port() {
        port_ = static_cast<std::uint16_t>(
            std::strtoul(text_of(path("run/port")).c_str(), nullptr, 10));
        return port_ != 0;
    }
    bool ready() const {
        const unsigned status = anonymous("GET", "/livez").status;
        return status == 200;
    }
    void claim() {
        const auto claimed =
            control("POST", "/api/v1/claim/set", R"({"passphrase":"a long sentence for tests"})");
        const auto made = control(
            "POST", "/api/v1/tokens",
            R"({"name":"test","scopes":["read:live","read:history","ingest","ack:alarms","write:rules","write:devices","write:uplinks","admin"]})");
        if (claimed.status != 200 || made.status != 201)
            throw std::runtime_error("claiming failed: " + claimed.body + made.body);
        token_ = made.json().value("token", "");
    }

    TempFolder folder_;
    Child child_;
    std::uint16_t port_ = 0;
    std::string token_;
};

}  // namespace fog
