#include "firmware/io/serial_port.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <fstream>

#include "firmware/core/reading.hpp"
#include "firmware/io/serial_baud.hpp"
#include "tests/support/pty.hpp"
#include "tests/support/temp_folder.hpp"

using namespace fog;
using namespace std::chrono_literals;

namespace {

SerialSpec spec_of(const std::string& port) {
    SerialSpec spec;
    spec.port = port;
    return spec;
}

std::string read_some(SerialPort& port, std::size_t least) {
    std::string all;
    std::array<std::byte, 64> buffer{};
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (all.size() < least && std::chrono::steady_clock::now() < deadline) {
        const auto got = port.read(buffer, 100ms);
        if (!got) return all + "<" + got.error().what + ">";
        all += as_text(std::span(buffer).first(*got));
    }
    return all;
}

struct termios settings_of(const std::string& path) {
    struct termios settings {};
    const int fd = ::open(path.c_str(), O_RDWR | O_NOCTTY);
    ::tcgetattr(fd, &settings);
    ::close(fd);
    return settings;
}

}  // namespace

TEST_CASE("serial port: every byte passes both ways, nothing is translated") {
    Pty pty;
    auto port = SerialPort::open(spec_of(pty.path()));
    REQUIRE(port);
    std::string all;
    for (int value = 0; value < 256; ++value) all += static_cast<char>(value);
    pty.write(all);
    CHECK(read_some(*port, all.size()) == all);
    CHECK(*port->write(as_bytes(all), 1000ms) == all.size());
    CHECK(pty.read(all.size()) == all);
}

TEST_CASE("serial port: read waits no longer than told") {
    Pty pty;
    auto port = SerialPort::open(spec_of(pty.path()));
    REQUIRE(port);
    std::array<std::byte, 8> buffer{};
    const auto got = port->read(buffer, 1ms);
    REQUIRE(got);
    CHECK(*got == 0);
}

TEST_CASE("serial port: closing puts the settings back") {
    Pty pty;
    const int keep = ::open(pty.path().c_str(), O_RDWR | O_NOCTTY);
    struct termios cooked = settings_of(pty.path());
    cooked.c_lflag |= ECHO | ICANON;
    REQUIRE(::tcsetattr(keep, TCSANOW, &cooked) == 0);
    {
        auto port = SerialPort::open(spec_of(pty.path()));
        REQUIRE(port);
        struct termios inside {};
        ::tcgetattr(keep, &inside);
        CHECK((inside.c_lflag & (ECHO | ICANON)) == 0);
    }
    CHECK((settings_of(pty.path()).c_lflag & (ECHO | ICANON)) == (ECHO | ICANON));
    ::close(keep);
}

TEST_CASE("serial port: speeds without a name can be set") {
    Pty pty;
    const int keep = ::open(pty.path().c_str(), O_RDWR | O_NOCTTY);
    SerialSpec spec = spec_of(pty.path());
    spec.baud = 31250;
    auto port = SerialPort::open(spec);
    REQUIRE(port);
    CHECK(baud_of(keep) == 31250);
    ::close(keep);
}

TEST_CASE("serial port: the second opener is told who holds it") {
    Pty pty;
    auto first = SerialPort::open(spec_of(pty.path()));
    REQUIRE(first);
    // In another process: there TIOCEXCL counts as well (not for root), and the pid is not ours.
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto second = SerialPort::open(spec_of(pty.path()));
        const std::string words =
            second ? "opened"
                   : std::string(to_text(second.error().code)) + ": " + second.error().what;
        const ssize_t put = ::write(pipe_ends[1], words.data(), words.size());
        ::_exit(put > 0 ? 0 : 1);
    }
    ::close(pipe_ends[1]);
    std::array<char, 512> text{};
    const ssize_t got = ::read(pipe_ends[0], text.data(), text.size() - 1);
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);
    REQUIRE(got > 0);
    const std::string words(text.data());
    CAPTURE(words);
    CHECK(words.find("busy") != std::string::npos);
    CHECK(words.find("held by process " + std::to_string(::getpid()) + " (") != std::string::npos);
}

TEST_CASE("serial port: once closed another may have it") {
    Pty pty;
    { REQUIRE(SerialPort::open(spec_of(pty.path()))); }
    CHECK(SerialPort::open(spec_of(pty.path())));
}

TEST_CASE("serial port: missing, not a port, and vanished are said in words") {
    const TempFolder folder;
    const auto missing = SerialPort::open(spec_of((folder.path() / "ttyUSB0").string()));
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::not_found);
    CHECK(missing.error().what == (folder.path() / "ttyUSB0").string() + " does not exist");

    std::ofstream(folder.path() / "file") << "x";
    const auto file = SerialPort::open(spec_of((folder.path() / "file").string()));
    REQUIRE(!file);
    CHECK(file.error().code == Errc::bad_config);
    CHECK(file.error().what.find("is not a serial port") != std::string::npos);

    Pty pty;
    auto port = SerialPort::open(spec_of(pty.path()));
    REQUIRE(port);
    CHECK(port->still_there());
    pty.close();
    const std::string rest = read_some(*port, 100);
    CAPTURE(rest);
    CHECK(rest.find("is gone") != std::string::npos);
    CHECK_FALSE(port->still_there());
}

TEST_CASE("serial port: a link moved to another device is noticed") {
    const TempFolder folder;
    const std::string link = (folder.path() / "by-id").string();
    Pty first, second;
    std::filesystem::create_symlink(first.path(), link);
    auto port = SerialPort::open(spec_of(link));
    REQUIRE(port);
    CHECK(port->still_there());
    std::filesystem::remove(link);
    std::filesystem::create_symlink(second.path(), link);
    CHECK_FALSE(port->still_there());
}

TEST_CASE("serial port: settings out of range are faults with the key") {
    Node config;
    config.set("port", {}).data = std::string("ttyUSB0");
    config.set("baud", {}).data = std::int64_t{9};
    config.set("parity", {}).data = std::string("mark");
    std::vector<Fault> faults;
    ConfigView view(config, faults);
    const SerialSpec spec = read_serial_spec(view);
    CHECK(faults.size() == 3);
    CHECK(spec.baud == 115200);
}
