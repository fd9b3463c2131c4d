#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>

#include "firmware/core/reading.hpp"
#include "firmware/http/http_rig.hpp"
#include "firmware/io/fd.hpp"
#include "firmware/io/mqtt_client.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/gateway.hpp"
#include "tests/support/mosquitto.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

bool have_tools() {
    return ::access("/usr/bin/mosquitto_pub", X_OK) == 0 &&
           ::access("/usr/bin/mosquitto_sub", X_OK) == 0;
}

/// One authority for all tests here: making keys takes a while.
struct Authority {
    Authority() {
        made.add_client("press-4");
        made.add_client("stranger-1");
        made.add_client("late-1", 0);
    }
    TempFolder folder;
    Certificates made{folder.path()};
    std::string path(const std::string& name) const { return made.path(name); }
};
const Authority& authority() {
    static const Authority one;
    return one;
}

/// A gateway that listens with TLS too; its certificate is a copy, to be renewed.
struct Site {
    explicit Site(const std::string& more = {}, const std::string& tls_port = "0") {
        copy("server.pem", "server.pem");
        copy("server.key", "server.key");
        gateway.configure("[mqtt.listener]\nport = 0\ntls_port = " + tls_port +
                          "\nbind = [\"127.0.0.1\"]\n" + files() + more);
        gateway.start();
    }
    std::string file(const std::string& name) const { return gateway.path(name).string(); }
    std::string files() const {
        return "cert_file = \"" + file("server.pem") + "\"\nkey_file = \"" + file("server.key") +
               "\"\n";
    }
    void copy(const std::string& from, const std::string& to) const {
        std::filesystem::copy_file(authority().path(from), gateway.path(to),
                                   std::filesystem::copy_options::overwrite_existing);
    }
    std::string port(const std::string& name) const {
        const bool up = eventually([&] { return !text_of(gateway.path("run/" + name)).empty(); });
        REQUIRE_MESSAGE(up, gateway.log());
        return std::to_string(
            std::strtoul(text_of(gateway.path("run/" + name)).c_str(), nullptr, 10));
    }
    std::string tls() const { return port("mqtt-tls.port"); }
    /// A tool of Mosquitto's; `more` says who it is and what it does.
    std::vector<std::string> tool(std::string name, std::string version,
                                  std::vector<std::string> more) const {
        std::vector<std::string> words = {
            std::move(name),           "-h", "localhost", "-p", tls(), "-V", version, "--cafile",
            authority().path("ca.pem")};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    int publish(std::string version, std::vector<std::string> more) const {
        return run_program(tool("mosquitto_pub", std::move(version), std::move(more)));
    }
    std::vector<std::string> with_token(std::vector<std::string> more) const {
        more.insert(more.end(), {"-u", "u", "-P", gateway.token()});
        return more;
    }
    bool failed(const std::string& reason) const {
        const std::string line = "fogline_mqtt_tls_failures_total{reason=\"" + reason + "\"} ";
        return eventually(
            [&] { return gateway.get("/metrics").body.find(line) != std::string::npos; });
    }

    Gateway gateway;
};

std::vector<std::string> certificate(const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--cert", authority().path(name + ".pem"), "--key",
                             authority().path(name + ".key")});
    return more;
}

std::vector<std::string> message(const std::string& topic, const std::string& payload) {
    return {"-t", topic, "-m", payload, "-q", "1"};
}

std::string handshake(std::string_view extra) {
    return "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           std::string(extra) + "\r\n";
}

bool has_paho() {
    return ::access("/usr/lib/python3/dist-packages/paho/mqtt/client.py", R_OK) == 0;
}

}  // namespace

TEST_CASE("mosquitto_pub and _sub over TLS; what is not TLS or does not trust us is counted") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site;
    for (const std::string version : {"311", "5"}) {
        CAPTURE(version);
        TempFolder folder;
        const auto heard = folder.path() / "out";
        Child sub(
            site.tool("mosquitto_sub", version, site.with_token({"-t", "t/#", "-q", "1", "-v"})),
            heard);
        const std::string label = "fogline_mqtt_clients{version=\"" +
                                  std::string(version == "5" ? "5.0" : "3.1.1") +
                                  "\",transport=\"tls\"} 1";
        CHECK(eventually([&] {
            return site.gateway.get("/metrics").body.find(label) != std::string::npos &&
                   site.gateway.metric("fogline_mqtt_subscriptions") == 1;
        }));
        // A payload of many records.
        const std::string large(60'000, 'x');
        CHECK(site.publish(version, site.with_token(message("t/a", "hello"))) == 0);
        CHECK(site.publish(version, site.with_token(message("t/b", large))) == 0);
        CHECK(eventually([&] {
            return text_of(heard).find("t/a hello\nt/b " + large + "\n") != std::string::npos;
        }));
        sub.kill9();
        CHECK(eventually([&] { return site.gateway.metric("fogline_mqtt_subscriptions") == 0; }));
    }
    CHECK(site.publish("5", message("t/a", "no password")) != 0);
    // Without our authority, with plain MQTT, and with nothing but noise.
    auto words = site.tool("mosquitto_pub", "5", site.with_token(message("t/a", "x")));
    *std::find(words.begin(), words.end(), authority().path("ca.pem")) =
        authority().path("client.pem");
    CHECK(run_program(words) != 0);
    CHECK(site.failed("refused-by-client"));
    CHECK(run_program({"mosquitto_pub", "-h", "127.0.0.1", "-p", site.tls(), "-t", "t", "-m", "x",
                       "-u", "u", "-P", site.gateway.token()}) != 0);
    rig::RawClient noise(static_cast<std::uint16_t>(std::stoul(site.tls())));
    noise.send("GET / HTTP/1.1\r\n\r\n");
    CHECK(noise.until_end());
    CHECK(site.failed("not-tls"));
    CHECK(site.gateway.log().find("TLS handshake failed address=127.0.0.1 reason=not-tls") !=
          std::string::npos);
    CHECK(site.publish("5", site.with_token(message("t/a", "still served"))) == 0);
}

TEST_CASE("certificates of clients: the device of its name, others are refused") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site("client_cert = \"optional\"\nclient_ca_file = \"" + authority().path("ca.pem") +
              "\"\n");
    // Nobody knows press-4 before it was heard of.
    CHECK(site.publish("5", certificate("press-4", message("press-4/t", "{\"temp\":1}"))) != 0);
    CHECK(site.publish("5", site.with_token(message("press-4/telemetry", R"({"temp":61.5})"))) ==
          0);
    CHECK(eventually([&] { return !site.gateway.point("press-4", "temp").is_null(); }));
    for (const std::string version : {"311", "5"}) {
        CAPTURE(version);
        CHECK_MESSAGE(
            eventually([&] {
                return site.publish(version, certificate("press-4", message("press-4/telemetry",
                                                                            R"({"temp":62.5})"))) ==
                       0;
            }),
            site.gateway.log());
    }
    auto named = certificate("press-4", message("press-4/telemetry", R"({"temp":63.5})"));
    named.insert(named.end(), {"-u", "press-4"});
    CHECK(site.publish("5", named) == 0);
    named.back() = "press-5";
    CHECK(site.publish("5", named) != 0);
    CHECK(site.publish("5", certificate("stranger-1", message("t", "x"))) != 0);
    CHECK(site.gateway.log().find("certificate refused name=stranger-1") != std::string::npos);
    // Rights of a device: not the gateway's own topics.
    const auto before = site.gateway.metric("fogline_mqtt_refused_total");
    site.publish("5", certificate("press-4", message("fogline/v1/a/b", "1")));
    CHECK(site.gateway.metric("fogline_mqtt_refused_total") == before + 1);
    CHECK(site.publish("5", certificate("late-1", message("t", "x"))) != 0);
    CHECK(site.failed("certificate-expired"));
}

TEST_CASE("a device that is ignored loses its connection and is not let in by its certificate") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    const std::string more =
        "client_cert = \"optional\"\nclient_ca_file = \"" + authority().path("ca.pem") + "\"\n";
    for (const std::string automatic : {"", "cert_auto = true\n"}) {
        CAPTURE(automatic);
        Site site(more + automatic);
        CHECK(site.publish("5",
                           site.with_token(message("press-4/telemetry", R"({"temp":61.5})"))) == 0);
        CHECK(eventually([&] { return !site.gateway.point("press-4", "temp").is_null(); }));
        const auto comes = [&site] {
            return site.publish("5", certificate("press-4", message("press-4/telemetry",
                                                                    R"({"temp":62})"))) == 0;
        };
        CHECK(eventually(comes));
        Child sub(site.tool("mosquitto_sub", "5", certificate("press-4", {"-t", "t/#"})),
                  site.file("heard"));
        CHECK(eventually([&] { return site.gateway.metric("fogline_mqtt_subscriptions") == 1; }));
        CHECK(site.gateway.post("/api/v1/devices/press-4/ignore", "").status == 200);
        const std::string line = "fogline_mqtt_closed_total{reason=\"certificate-unknown\"} ";
        CHECK(eventually(
            [&] { return site.gateway.get("/metrics").body.find(line) != std::string::npos; }));
        CHECK(!comes());
        CHECK(site.gateway.post("/api/v1/devices/press-4/keep", "").status == 200);
        CHECK(eventually(comes));
    }
}

TEST_CASE("certificates of clients can be required, and be enough") {
    if (!have_tools()) {
        MESSAGE("skipped: mosquitto-clients is not installed");
        return;
    }
    Site site("client_cert = \"required\"\ncert_auto = true\nclient_ca_file = \"" +
              authority().path("ca.pem") + "\"\n");
    CHECK(site.publish("5", certificate("stranger-1", message("t", "x"))) == 0);
    CHECK(site.publish("5", site.with_token(message("t", "x"))) != 0);
    CHECK(site.failed("certificate-missing"));
}

TEST_CASE("a renewed certificate is taken without a restart; a faulty one leaves the old") {
    Site site;
    const auto served = [&site] {
        const auto out = site.file("shown");
        Child show({"sh", "-c",
                    "openssl s_client -connect 127.0.0.1:" + site.tls() +
                        " -alpn mqtt </dev/null 2>/dev/null | grep -E '^subject|ALPN'"},
                   out);
        show.wait(10s);
        const auto text = text_of(out);
        std::filesystem::remove(out);
        return text;
    };
    CHECK_MESSAGE(served().find("localhost") != std::string::npos, site.gateway.log());
    CHECK(served().find("ALPN protocol: mqtt") != std::string::npos);
    site.copy("client.key", "server.key");
    CHECK(eventually([&] {
        return site.gateway.log().find("does not fit the certificate") != std::string::npos;
    }));
    CHECK(served().find("localhost") != std::string::npos);
    CHECK(site.gateway.get("/readyz").status == 503);
    site.copy("client.pem", "server.pem");
    CHECK(eventually([&] { return served().find("test client") != std::string::npos; }));
    CHECK(site.gateway.get("/readyz").status == 200);
}

TEST_CASE("without a good certificate the daemon serves the rest and says what is wrong") {
    Site site;
    site.gateway.stop();
    std::filesystem::remove(site.gateway.path("server.key"));
    std::filesystem::remove(site.gateway.path("run/mqtt-tls.port"));
    site.gateway.start();
    CHECK(site.gateway.log().find("key_file '" + site.file("server.key") + "' does not exist") !=
          std::string::npos);
    CHECK(site.gateway.get("/readyz").body.find("does not exist") != std::string::npos);
    const auto check = site.file("check");
    Child told({FOG_BIN_DIR "/foglined", "-t", site.gateway.config()}, check);
    CHECK(told.wait(10s) == 78);
    CHECK_MESSAGE(text_of(check).find("error[E0023]: mqtt.listener: key_file") != std::string::npos,
                  text_of(check));
    site.copy("server.key", "server.key");
    site.tls();
    CHECK(eventually([&] { return site.gateway.get("/readyz").status == 200; }));
}

TEST_CASE("a certificate that expires while it is served is told, once") {
    Site site;
    TempFolder folder;
    Certificates made(folder.path());
    made.add_short_server("short", 8s);
    for (const std::string end : {".key", ".pem"})
        std::filesystem::copy_file(made.path("short" + end), site.file("server" + end),
                                   std::filesystem::copy_options::overwrite_existing);
    const std::string words = "has expired at";
    CHECK(eventually([&] { return site.gateway.log().find(words) != std::string::npos; }, 30s));
    const auto log = site.gateway.log();
    CHECK(log.find(words) > log.rfind("certificate loaded"));
    CHECK(log.find(words) == log.rfind(words));
}

TEST_CASE("a good certificate does not hide that the port is taken") {
    const Fd holder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    REQUIRE(::bind(holder.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(holder.get(), 1) == 0);
    REQUIRE(::getsockname(holder.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    const auto port = std::to_string(ntohs(at.sin_port));
    Site site({}, port);
    const auto told = [&site](const std::string& what) {
        return eventually(
            [&] { return site.gateway.get("/readyz").body.find(what) != std::string::npos; });
    };
    CHECK(told(port));
    const auto loaded = [&site] {
        const auto text = site.gateway.log();
        std::size_t count = 0;
        for (std::size_t i = 0; (i = text.find("certificate loaded", i)) != std::string::npos; ++i)
            ++count;
        return count;
    };
    const auto before = loaded();
    site.copy("server.pem", "server.pem");
    CHECK(eventually([&] { return loaded() > before; }));
    CHECK(site.gateway.get("/readyz").body.find(port) != std::string::npos);
}

TEST_CASE("Paho C++ over mqtts: connects, subscribes, hears itself") {
    Site site;
    MqttOptions options;
    options.url = "mqtts://localhost:" + site.tls();
    options.ca_file = authority().path("ca.pem");
    options.client_id = "paho";
    options.user = "u";
    options.password = site.gateway.token();
    std::atomic<int> heard{0};
    MqttClient::Handlers handlers;
    handlers.message = [&heard](const MqttClient::Message& got) {
        if (got.topic == "echo/a" && as_text(got.payload) == "hello") ++heard;
    };
    handlers.lost = [](std::string) {};
    handlers.delivered = [](std::int64_t, bool, std::string) {};
    MqttClient client(options, std::move(handlers));
    const auto connected = client.connect(10s);
    REQUIRE_MESSAGE(connected.has_value(), connected.error().what);
    const std::vector<std::string> filters = {"echo/#"};
    CHECK(client.subscribe(filters, 1, 10s).has_value());
    CHECK(client.publish(7, "echo/a", "hello", 1, false).has_value());
    CHECK(eventually([&] { return heard == 1; }));
    client.disconnect(2s);
}

TEST_CASE("python3-paho-mqtt over TLS and WebSocket, in both versions") {
    if (!has_paho()) {
        MESSAGE("skipped: python3-paho-mqtt is not installed");
        return;
    }
    Site site;
    for (const std::string version : {"4", "5"}) {
        CAPTURE(version);
        CHECK(run_program({"/usr/bin/python3", FOG_TEST_DIR "/mqtt_paho.py", site.tls(),
                           site.gateway.token(), version, "tls", authority().path("ca.pem")}) == 0);
        CHECK(run_program({"/usr/bin/python3", FOG_TEST_DIR "/mqtt_paho.py",
                           std::to_string(site.gateway.port()), site.gateway.token(), version,
                           "ws"}) == 0);
    }
}

TEST_CASE("/mqtt takes the sub-protocol mqtt only, from its own origin, and no text") {
    Site site;
    const auto answer = [&site](std::string_view extra) {
        rig::RawClient client(site.gateway.port());
        client.send(handshake(extra));
        CHECK(client.until("\r\n\r\n"));
        return client.got;
    };
    CHECK(answer("").find("HTTP/1.1 400 ") == 0);
    CHECK(answer("Sec-WebSocket-Protocol: mqttv3.1, chat\r\n").find("HTTP/1.1 400 ") == 0);
    CHECK(answer("Sec-WebSocket-Protocol: mqtt\r\nOrigin: http://evil.example\r\n")
              .find("HTTP/1.1 403 ") == 0);
    rig::RawClient good(site.gateway.port());
    good.send(handshake("Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\nOrigin: http://localhost\r\n"));
    REQUIRE(good.until("\r\n\r\n"));
    CHECK(good.got.find("HTTP/1.1 101 ") == 0);
    CHECK(good.got.find("Sec-WebSocket-Protocol: mqtt\r\n") != std::string::npos);
    good.send("\x81\x82\x01\x02\x03\x04\x69\x6b");
    CHECK(good.until_end());
    CHECK(good.got.find("\x03\xeb") != std::string::npos);
}
