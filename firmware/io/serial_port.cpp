#include "firmware/io/serial_port.hpp"

#include <fcntl.h>
#include <linux/serial.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/serial_port.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/io/fd.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/serial_baud.hpp"

namespace fog {

namespace {

namespace asio = boost::asio;
using Option = asio::serial_port_base;

/// "812 (ModemManager)" for a process id.
std::string process_words(const std::string& pid) {
    const auto name = read_file("/proc/" + pid + "/comm", 256);
    return name ? pid + " (" + std::string(trim(*name)) + ")" : pid;
}

/// Who has the advisory lock on this device, from /proc/locks: "1: FLOCK ADVISORY WRITE 812 00:18:7
/// ..".
std::string lock_holder(const struct stat& device) {
    const auto locks = read_file("/proc/locks", 1U << 20U);
    if (!locks) return {};
    char place[64];
    std::snprintf(place, sizeof place, "%02x:%02x:%llu", major(device.st_dev), minor(device.st_dev),
                  static_cast<unsigned long long>(device.st_ino));
    std::string_view rest = *locks;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const auto at = line.find(std::string(" ") + place + " ");
        if (at == std::string_view::npos) continue;
        const auto before = line.find_last_of(' ', at - 1);
        return std::string(line.substr(before + 1, at - before - 1));
    }
    return {};
}

/// Some process that has the device open, ours not counted.
std::string open_holder(const struct stat& device) {
    std::error_code error;
    const std::string own = std::to_string(::getpid());
    for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
        const std::string pid = process.path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos || pid == own) continue;
        std::filesystem::directory_iterator files(process.path() / "fd", error);
        if (error) continue;  // gone, or not ours to see
        for (const auto& file : files) {
            struct stat other {};
            if (::stat(file.path().c_str(), &other) == 0 && S_ISCHR(other.st_mode) &&
                other.st_rdev == device.st_rdev)
                return pid;
        }
    }
    return {};
}

Error busy(const SerialSpec& spec) {
    struct stat device {};
    std::string holder;
    if (::stat(spec.port.c_str(), &device) == 0) {
        holder = lock_holder(device);
        if (holder.empty() || holder == "-1" || holder == "0") holder = open_holder(device);
    }
    const std::string words =
        holder.empty() ? "another process" : "process " + process_words(holder);
    return {Errc::busy, spec.port + " is held by " + words, "stop it, or choose another port"};
}

Error open_error(const SerialSpec& spec, int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            return {Errc::not_found, spec.port + " does not exist", {}};
        case ENODEV:
        case ENXIO:
        case EIO:  // a pty whose other end has gone
            return {Errc::not_found, spec.port + " has no device behind it", {}};
        case EACCES:
        case EPERM:
            return {Errc::denied, "no permission for " + spec.port,
                    "add the user of the service to group dialout"};
        case EBUSY:
            return busy(spec);
        default:
            return {Errc::unreachable, spec.port + ": " + errno_text(error), {}};
    }
}

}  // namespace

struct SerialPort::Impl {
    explicit Impl(SerialSpec from) : spec(std::move(from)) {}
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Result<void> take(Fd fd);
    Result<void> configure();
    void set_low_latency();
    Error gone(std::string_view why) const {
        return {Errc::unreachable, spec.port + " is gone: " + std::string(why), {}};
    }
    /// Waits for `events`; 0 = timed out.
    Result<short> wait(short events, std::chrono::milliseconds at_most);
    int fd() { return port.native_handle(); }

    SerialSpec spec;
    asio::io_context context{1};  // never run: the port is used by its owner's thread alone
    asio::serial_port port{context};
    struct termios before {};
    bool has_before = false;
    dev_t device = 0;
};

SerialPort::Impl::~Impl() {
    if (!port.is_open()) return;
    if (has_before) ::tcsetattr(fd(), TCSANOW, &before);
    ::ioctl(fd(), TIOCNXCL);
    boost::system::error_code ignored;
    port.close(ignored);
}

/// Makes the port ours before its settings are touched.
Result<void> SerialPort::Impl::take(Fd fd) {
    struct stat about {};
    if (::fstat(fd.get(), &about) != 0 || !S_ISCHR(about.st_mode) || ::isatty(fd.get()) == 0)
        return Error{Errc::bad_config, spec.port + " is not a serial port", {}};
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return busy(spec);
    ::ioctl(fd.get(), TIOCEXCL);
    device = about.st_rdev;
    has_before = ::tcgetattr(fd.get(), &before) == 0;
    boost::system::error_code error;
    port.assign(fd.get(), error);
    if (error) return Error{Errc::unreachable, spec.port + ": " + error.message(), {}};
    fd.release();
    return {};
}

Result<void> SerialPort::Impl::configure() {
    struct termios raw = before;
    ::cfmakeraw(&raw);
    raw.c_iflag |= IGNPAR;
    raw.c_cflag |= CREAD | CLOCAL;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (::tcsetattr(fd(), TCSANOW, &raw) != 0) return open_error(spec, errno);

    const auto parity = spec.parity == Parity::even  ? Option::parity::even
                        : spec.parity == Parity::odd ? Option::parity::odd
                                                     : Option::parity::none;
    const auto stop = spec.stop_bits == 2 ? Option::stop_bits::two : Option::stop_bits::one;
    const auto flow = spec.flow == Flow::rtscts    ? Option::flow_control::hardware
                      : spec.flow == Flow::xonxoff ? Option::flow_control::software
                                                   : Option::flow_control::none;
    boost::system::error_code error;
    port.set_option(Option::character_size(spec.data_bits), error);
    if (!error) port.set_option(Option::parity(parity), error);
    if (!error) port.set_option(Option::stop_bits(stop), error);
    if (!error) port.set_option(Option::flow_control(flow), error);
    if (error)
        return Error{Errc::bad_config, spec.port + " refuses its settings: " + error.message(), {}};
    if (!set_any_baud(fd(), spec.baud))
        return Error{
            Errc::bad_config, spec.port + " cannot do " + std::to_string(spec.baud) + " baud", {}};
    if (spec.low_latency) set_low_latency();
    return {};
}

void SerialPort::Impl::set_low_latency() {
    struct serial_struct settings {};
    if (::ioctl(fd(), TIOCGSERIAL, &settings) != 0) return;
    settings.flags |= ASYNC_LOW_LATENCY;
    ::ioctl(fd(), TIOCSSERIAL, &settings);
}

Result<short> SerialPort::Impl::wait(short events, std::chrono::milliseconds at_most) {
    struct pollfd one {
        fd(), events, 0
    };
    const int ready = ::poll(&one, 1, static_cast<int>(at_most.count()));
    if (ready < 0 && errno != EINTR) return gone(errno_text(errno));
    if (ready <= 0) return static_cast<short>(0);
    // What came before the hang-up can still be read.
    if ((one.revents & POLLIN) == 0 && (one.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        return gone("hung up");
    return one.revents;
}

SerialPort::SerialPort(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SerialPort::SerialPort(SerialPort&&) noexcept = default;
SerialPort& SerialPort::operator=(SerialPort&&) noexcept = default;
SerialPort::~SerialPort() = default;

Result<SerialPort> SerialPort::open(const SerialSpec& spec) {
    Fd fd(::open(spec.port.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return open_error(spec, errno);
    auto impl = std::make_unique<Impl>(spec);
    if (auto taken = impl->take(std::move(fd)); !taken) return taken.error();
    if (auto set = impl->configure(); !set) return set.error();
    return SerialPort(std::move(impl));
}

Result<std::size_t> SerialPort::read(std::span<std::byte> into, std::chrono::milliseconds wait) {
    const auto ready = impl_->wait(POLLIN, wait);
    if (!ready) return ready.error();
    if (*ready == 0) return std::size_t{0};
    const ssize_t got = ::read(impl_->fd(), into.data(), into.size());
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return impl_->gone("end of file");
    if (errno == EAGAIN || errno == EINTR) return std::size_t{0};
    return impl_->gone(errno_text(errno));
}

Result<std::size_t> SerialPort::write(std::span<const std::byte> bytes,
                                      std::chrono::milliseconds wait) {
    const auto ready = impl_->wait(POLLOUT, wait);
    if (!ready) return ready.error();
    if ((*ready & POLLOUT) == 0) return std::size_t{0};
    const ssize_t put = ::write(impl_->fd(), bytes.data(), bytes.size());
    if (put >= 0) return static_cast<std::size_t>(put);
    if (errno == EAGAIN || errno == EINTR) return std::size_t{0};
    return impl_->gone(errno_text(errno));
}

bool SerialPort::still_there() const {
    struct stat now {};
    return ::stat(impl_->spec.port.c_str(), &now) == 0 && now.st_rdev == impl_->device;
}

SerialSpec read_serial_spec(ConfigView& config) {
    SerialSpec spec;
    spec.port = config.required_text("port");
    if (!spec.port.empty() && spec.port[0] != '/')
        config.fault("port", "E0301", "'" + spec.port + "' is not the full path of a device",
                     "such as /dev/serial/by-id/...");
    spec.baud = static_cast<std::uint32_t>(config.integer("baud", 115200, 50, 4'000'000));
    spec.data_bits = static_cast<std::uint8_t>(config.integer("data_bits", 8, 5, 8));
    spec.stop_bits = static_cast<std::uint8_t>(config.integer("stop_bits", 1, 1, 2));
    const std::string parity = config.choice("parity", "none", {"none", "even", "odd"});
    if (parity == "even") spec.parity = Parity::even;
    if (parity == "odd") spec.parity = Parity::odd;
    const std::string flow = config.choice("flow", "none", {"none", "rtscts", "xonxoff"});
    if (flow == "rtscts") spec.flow = Flow::rtscts;
    if (flow == "xonxoff") spec.flow = Flow::xonxoff;
    spec.low_latency = config.flag("low_latency", false);
    return spec;
}

}  // namespace fog
