#include "sim/cloud/far_broker.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>

#include "firmware/core/reading.hpp"
#include "firmware/io/files.hpp"
#include "tests/support/child.hpp"
#include "tests/support/mosquitto.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("mqtt packets: frames are taken off a stream, and bounded") {
    using Bytes = std::string_view;
    const std::string publish = mqtt_publish(4, {"a/b", "{1}", 1, false, false, 7});
    CHECK(publish == std::string("\x32\x0a\x00\x03"
                                 "a/b\x00\x07{1}",
                                 12));
    for (std::size_t n = 0; n < publish.size(); ++n) {
        CHECK_FALSE(*read_mqtt_frame(Bytes(publish).substr(0, n), 100));
    }
    const auto frame = read_mqtt_frame(publish, 100);
    REQUIRE(*frame);
    CHECK(read_mqtt_publish(**frame, 4)->payload == "{1}");
    CHECK(read_mqtt_frame(publish, 10).error().code == Errc::storage_full);
    CHECK(read_mqtt_frame(Bytes("\xff\xff\xff\xff\xff", 5), 100).error().code == Errc::bad_frame);
    CHECK(read_mqtt_frame(Bytes("\x05\x00", 2), 100).error().code == Errc::bad_frame);
}

struct Rig {
    TempFolder folder;
    Result<FarRecorder> recorder = FarRecorder::open(folder.path() / "far.jsonl", "cloud");
    FarBroker broker{*recorder, 1, "cloud"};
    std::uint16_t port = broker.start("127.0.0.1", 0).value();

    static FaultSpec fault(FaultKind kind) {
        FaultSpec out;
        out.id = 1;
        out.kind = kind;
        return out;
    }
    void set(const FaultSpec& fault) { broker.set(fault, true); }
    static std::string record(int seq) {
        return R"({"gw":"g","dev":"d","pt":"p","v":1,"seq":)" + std::to_string(seq) + "}";
    }
    /// mosquitto_pub: 0 only if the broker acknowledged.
    int publish(const std::string& payload, std::vector<std::string> more = {}) const {
        std::vector<std::string> words{
            "mosquitto_pub", "-p", std::to_string(port), "-t", "cloud/x", "-q", "1", "-m", payload};
        words.insert(words.end(), more.begin(), more.end());
        return run_program(words);
    }
    std::string lines() const { return read_file(folder.path() / "far.jsonl").value(); }
};

bool have_clients() {
    if (run_program({"mosquitto_pub", "--help"}) >= 0) return true;
    MESSAGE("skipped: mosquitto-clients is not installed");
    return false;
}

/// Runs a program with its output in a file.
struct Subscriber {
    std::filesystem::path file;
    pid_t pid;
    Subscriber(const Rig& rig, std::vector<std::string> more)
        : file(rig.folder.path() / (more.back() + ".txt")), pid(::fork()) {
        if (pid != 0) return;
        const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ::dup2(out, 1);
        std::vector<std::string> words{"mosquitto_sub", "-p", std::to_string(rig.port), "-d"};
        words.insert(words.end(), more.begin(), more.end());
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    ~Subscriber() {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;
    bool says(const std::string& text) const {
        return eventually(
            [this, &text] {
                const auto got = read_file(file);
                return got && got->find(text) != std::string::npos;
            },
            10s);
    }
};

TEST_CASE("far broker: foreign publishers of 3.1.1 and 5.0 are recorded, then acknowledged") {
    if (!have_clients()) return;
    Rig rig;
    CHECK(rig.publish(Rig::record(1)) == 0);
    CHECK(rig.publish(Rig::record(2), {"-V", "mqttv5"}) == 0);
    CHECK(rig.publish(Rig::record(3), {"-q", "0"}) == 0);
    CHECK(rig.publish("hello", {"-r"}) == 0);
    CHECK(eventually([&] { return rig.broker.accepted() == 4; }, 5s));
    CHECK(rig.recorder->records() == 3);
    CHECK(rig.recorder->others() == 1);
    CHECK(rig.lines().find("\"seq\":2") != std::string::npos);
}

TEST_CASE("far broker: foreign subscribers get messages, retained ones and wills") {
    if (!have_clients()) return;
    for (const char* version : {"mqttv311", "mqttv5"}) {
        Rig rig;
        CHECK(rig.publish("kept", {"-r"}) == 0);
        const Subscriber sub(rig, {"-t", "cloud/#", "-q", "1", "-V", version, "-i", "reads"});
        CHECK(sub.says("\nkept"));
        CHECK(rig.publish("fresh") == 0);
        CHECK(sub.says("\nfresh"));
        {
            const Subscriber dies(rig, {"-t", "cloud/x", "--will-topic", "cloud/will",
                                        "--will-payload", "gone", "-V", version, "-i", "dies"});
            CHECK(eventually([&] { return rig.broker.accepted() == 2; }, 10s));
            CHECK(dies.says("\nkept"));
        }  // SIGKILL
        CHECK(eventually([&] { return rig.broker.accepted() == 3; }, 10s));
        CHECK(rig.lines().find("gone") != std::string::npos);
    }
}

/// Publishes at QoS 1 with Paho and notes which tokens were acknowledged, and losses.
struct Publisher {
    std::mutex mutex;
    std::vector<std::int64_t> acked;
    int lost = 0;
    std::unique_ptr<MqttClient> client;

    explicit Publisher(const Rig& rig) {
        MqttOptions options;
        options.url = "mqtt://127.0.0.1:" + std::to_string(rig.port);
        options.client_id = "publisher";
        client = std::make_unique<MqttClient>(
            options, MqttClient::Handlers{.message = {},
                                          .lost =
                                              [this](const std::string&) {
                                                  const std::lock_guard lock(mutex);
                                                  ++lost;
                                              },
                                          .delivered =
                                              [this](std::int64_t token, bool done, std::string) {
                                                  const std::lock_guard lock(mutex);
                                                  if (done) acked.push_back(token);
                                              }});
        REQUIRE(client->connect(10s));
    }
    ~Publisher() { client.reset(); }
    void say(std::int64_t token) {
        CHECK(client->publish(token, "cloud/x", Rig::record(static_cast<int>(token)), 1, false));
    }
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return acked.size();
    }
    int losses() {
        const std::lock_guard lock(mutex);
        return lost;
    }
};

TEST_CASE("far broker: no_ack and late_ack keep the publisher waiting, the record is there") {
    Rig rig;
    FaultSpec late = Rig::fault(FaultKind::late_ack);
    late.by = 300ms;
    rig.set(late);
    Publisher publisher(rig);
    publisher.say(1);
    CHECK(eventually([&] { return rig.broker.accepted() == 1; }, 5s));
    CHECK(publisher.count() == 0);
    CHECK(eventually([&] { return publisher.count() == 1; }, 5s));
    rig.broker.set(late, false);
    rig.set(Rig::fault(FaultKind::no_ack));
    publisher.say(2);
    CHECK(eventually([&] { return rig.broker.accepted() == 2; }, 5s));
    rig.broker.set(Rig::fault(FaultKind::no_ack), false);
    publisher.say(3);
    CHECK(eventually([&] { return publisher.count() == 2; }, 5s));
    CHECK(publisher.acked == std::vector<std::int64_t>{1, 3});
}

TEST_CASE("far broker: kicks after connect, after an ack, and on what it does not like") {
    Rig rig;
    {
        Publisher publisher(rig);
        rig.set(Rig::fault(FaultKind::ack_then_kick));
        publisher.say(1);
        CHECK(eventually([&] { return publisher.losses() == 1; }, 10s));
        CHECK(publisher.count() == 1);
    }
    rig.broker.set(Rig::fault(FaultKind::ack_then_kick), false);
    {
        Publisher publisher(rig);
        FaultSpec on = Rig::fault(FaultKind::kick_on);
        on.match = "\"seq\":2}";
        rig.set(on);
        publisher.say(1);
        CHECK(eventually([&] { return publisher.count() == 1; }, 10s));
        publisher.say(2);
        CHECK(eventually([&] { return publisher.losses() == 1; }, 10s));
        CHECK(publisher.count() == 1);
        CHECK(rig.lines().find("\"seq\":2,") == std::string::npos);
        rig.broker.set(on, false);
    }
    rig.set(Rig::fault(FaultKind::kick_after_connect));
    Publisher publisher(rig);
    CHECK(eventually([&] { return publisher.losses() == 1; }, 10s));
}

/// Bytes on a plain socket: what is on the wire, without a library's opinion.
struct Wire {
    Fd fd;
    explicit Wire(std::uint16_t port) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    }
    void say(const std::string& bytes) const {
        REQUIRE(::write(fd.get(), bytes.data(), bytes.size()) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// Exactly so many bytes, fewer at the end of the connection.
    std::string hear(std::size_t size) const {
        std::string out;
        while (out.size() < size) {
            pollfd ready{fd.get(), POLLIN, 0};
            if (::poll(&ready, 1, 5'000) <= 0) break;
            char one = 0;
            if (::read(fd.get(), &one, 1) <= 0) break;
            out += one;
        }
        return out;
    }
};

const std::string kHello5(
    "\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02"
    "ab",
    17);
const std::string kHello4(
    "\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02"
    "ab",
    16);

TEST_CASE("far broker: double, unknown and refused acknowledgements are on the wire") {
    Rig rig;
    const Wire four(rig.port), five(rig.port);
    four.say(kHello4);
    CHECK(four.hear(4) == std::string("\x20\x02\x00\x00", 4));
    five.say(std::string("\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02xy", 17));
    CHECK(five.hear(7) == std::string("\x20\x05\x00\x00\x02\x24\x01", 7));
    const std::string message = mqtt_publish(4, {"t", "x", 1, false, false, 7});
    rig.set(Rig::fault(FaultKind::double_ack));
    four.say(message);
    CHECK(four.hear(8) == std::string("\x40\x02\x00\x07\x40\x02\x00\x07", 8));
    rig.broker.set(Rig::fault(FaultKind::double_ack), false);
    rig.set(Rig::fault(FaultKind::unknown_ack));
    four.say(message);
    CHECK(four.hear(4) == std::string("\x40\x02\x00\x08", 4));
    FaultSpec refused = Rig::fault(FaultKind::reason);
    refused.code = 0x97;
    rig.set(refused);
    const auto before = rig.broker.accepted();
    five.say(mqtt_publish(5, {"t", "x", 1, false, false, 9}));
    CHECK(five.hear(5) == std::string("\x40\x03\x00\x09\x97", 5));
    four.say(message);
    CHECK(four.hear(1).empty());  // 3.1.1 has no way to say so: the connection ends
    CHECK(rig.broker.accepted() == before);
}

TEST_CASE("far broker: announces and enforces its limits; a second client takes the first's id") {
    Rig rig;
    FaultSpec limit = Rig::fault(FaultKind::packet_limit);
    limit.bytes = 100;
    rig.set(limit);
    const Wire first(rig.port);
    first.say(kHello5);
    CHECK(first.hear(12) == std::string("\x20\x0a\x00\x00\x07\x24\x01\x27\x00\x00\x00\x64", 12));
    first.say(mqtt_publish(5, {"t", std::string(200, 'x'), 1, false, false, 9}));
    CHECK(first.hear(4) == std::string("\xe0\x01\x95", 3));
    rig.broker.set(limit, false);
    const Wire second(rig.port), third(rig.port);
    second.say(kHello5);
    CHECK(second.hear(7).size() == 7);
    third.say(kHello5);
    CHECK(third.hear(7).size() == 7);
    CHECK(second.hear(4) == std::string("\xe0\x01\x8e", 3));
    third.say("\xc0" + std::string(1, '\0'));
    CHECK(third.hear(2) == std::string("\xd0\x00", 2));
    third.say("\x05nonsense");  // there is no packet type 0
    CHECK(third.hear(4) == std::string("\xe0\x01\x81", 3));
}

}  // namespace
}  // namespace fog::sim
