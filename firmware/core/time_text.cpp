#include <array>
#include <charconv>
#include <cmath>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

using std::chrono::nanoseconds;

void two_digits(char* out, unsigned value) {
    out[0] = static_cast<char>('0' + value / 10);
    out[1] = static_cast<char>('0' + value % 10);
}

// Reads exactly `count` digits and moves on; false if they are not there.
bool take_digits(std::string_view& text, std::size_t count, int& out) {
    if (text.size() < count) return false;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + count, out);
    if (ec != std::errc{} || end != text.data() + count || text.front() == '-') return false;
    text.remove_prefix(count);
    return true;
}
bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

bool take_fraction(std::string_view& text, nanoseconds& out) {
    out = nanoseconds{0};
    if (text.empty() || (text.front() != '.' && text.front() != ',')) return true;
    text.remove_prefix(1);
    std::int64_t scale = 100'000'000;
    std::size_t digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        out += nanoseconds{(text.front() - '0') * scale};
        scale /= 10;
        ++digits;
        text.remove_prefix(1);
    }
    return digits > 0;
}

bool take_zone(std::string_view& text, std::chrono::minutes& offset) {
    if (take(text, 'Z') || take(text, 'z')) return offset = std::chrono::minutes{0}, true;
    const bool minus = take(text, '-');
    if (!minus && !take(text, '+')) return false;
    int hours = 0;
    int minutes = 0;
    if (!take_digits(text, 2, hours) || hours > 23) return false;
    take(text, ':');
    if (!text.empty() && (!take_digits(text, 2, minutes) || minutes > 59)) return false;
    offset = std::chrono::minutes{(hours * 60 + minutes) * (minus ? -1 : 1)};
    return true;
}

struct UnitName {
    std::string_view name;
    double factor;
};

// The number in front of the unit; nothing if there is none or no unit follows.
template <std::size_t N>
std::optional<double> with_unit(std::string_view text, const std::array<UnitName, N>& units) {
    text = trim(text);
    double number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || !std::isfinite(number)) return std::nullopt;
    const auto unit = trim({end, static_cast<std::size_t>(text.data() + text.size() - end)});
    for (const UnitName& known : units)
        if (known.name == unit) return number * known.factor;
    return std::nullopt;
}

}  // namespace

void append_rfc3339(std::string& out, WallTime time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const auto ms = static_cast<unsigned>(floor<milliseconds>(time - day).count());
    const int year = static_cast<int>(date.year());
    std::array<char, 24> text{};
    two_digits(text.data(), static_cast<unsigned>(year / 100));
    two_digits(text.data() + 2, static_cast<unsigned>(year % 100));
    text[4] = text[7] = '-';
    two_digits(text.data() + 5, static_cast<unsigned>(date.month()));
    two_digits(text.data() + 8, static_cast<unsigned>(date.day()));
    text[10] = 'T';
    two_digits(text.data() + 11, ms / 3'600'000);
    text[13] = text[16] = ':';
    two_digits(text.data() + 14, ms / 60'000 % 60);
    two_digits(text.data() + 17, ms / 1'000 % 60);
    text[19] = '.';
    text[20] = static_cast<char>('0' + ms % 1'000 / 100);
    two_digits(text.data() + 21, ms % 100);
    text[23] = 'Z';
    out.append(text.data(), text.size());
}

std::string to_rfc3339(WallTime time) {
    std::string out;
    append_rfc3339(out, time);
    return out;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    nanoseconds fraction{0};
    minutes offset{0};
    if (!take_digits(text, 4, y) || !take(text, '-') || !take_digits(text, 2, mo) ||
        !take(text, '-') || !take_digits(text, 2, d))
        return std::nullopt;
    if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
    if (!take_digits(text, 2, h) || !take(text, ':') || !take_digits(text, 2, mi))
        return std::nullopt;
    if (take(text, ':') && !take_digits(text, 2, s)) return std::nullopt;
    if (!take_fraction(text, fraction) || !take_zone(text, offset) || !text.empty())
        return std::nullopt;
    const year_month_day date(year{y}, month{static_cast<unsigned>(mo)},
                              day{static_cast<unsigned>(d)});
    if (!date.ok() || y < 1678 || y > 2261 || h > 23 || mi > 59 || s > 60) return std::nullopt;
    return WallTime{sys_days(date).time_since_epoch() + hours{h} + minutes{mi} + seconds{s} +
                    fraction - offset};
}

Result<nanoseconds> parse_duration(std::string_view text) {
    static constexpr std::array<UnitName, 9> kUnits = {{{"ns", 1},
                                                        {"us", 1e3},
                                                        {"ms", 1e6},
                                                        {"s", 1e9},
                                                        {"min", 60e9},
                                                        {"m", 60e9},
                                                        {"h", 3600e9},
                                                        {"d", 86400e9},
                                                        {"w", 604800e9}}};
    const auto value = with_unit(text, kUnits);
    if (!value || *value < 0 || *value > 9.2e18)
        return Error{
            Errc::bad_config, "'" + std::string(text) + "' is no duration",
            "write a number and a unit: \"250 ms\", \"10 s\", \"5 min\", \"2 h\", \"7 d\""};
    return nanoseconds{std::llround(*value)};
}

Result<std::uint64_t> parse_size(std::string_view text) {
    static constexpr std::array<UnitName, 7> kUnits = {{{"B", 1},
                                                        {"KiB", 1024.0},
                                                        {"MiB", 1048576.0},
                                                        {"GiB", 1073741824.0},
                                                        {"kB", 1e3},
                                                        {"MB", 1e6},
                                                        {"GB", 1e9}}};
    const auto value = with_unit(text, kUnits);
    if (!value || *value < 0 || *value > 1e18)
        return Error{Errc::bad_config, "'" + std::string(text) + "' is no size",
                     "write a number and a unit: \"64 KiB\", \"4 MiB\", \"1 GiB\""};
    return static_cast<std::uint64_t>(std::llround(*value));
}

std::string duration_text(nanoseconds duration) {
    static constexpr std::array<UnitName, 6> kUnits = {
        {{"d", 86400e9}, {"h", 3600e9}, {"min", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}}};
    const auto ns = static_cast<double>(duration.count());
    for (const UnitName& unit : kUnits) {
        const double amount = ns / unit.factor;
        if (std::abs(amount) < 1) continue;
        std::string out;
        append_double(out, std::round(amount * 10) / 10);
        return (out += ' ') += unit.name;
    }
    return std::to_string(duration.count()) + " ns";
}

}  // namespace fog
