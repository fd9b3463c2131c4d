#include "firmware/http/target.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>

#include "firmware/core/text.hpp"

namespace fog {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool clean(std::string_view text) {
    return valid_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
           });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// The host without its port; brackets of IPv6 removed.
std::string host_name(std::string_view host) {
    if (!host.empty() && host.front() == '[') {
        const auto end = host.find(']');
        return end == std::string_view::npos ? std::string{} : std::string(host.substr(1, end - 1));
    }
    return lower(host.substr(0, host.find(':')));
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus) {
            out += ' ';
        } else if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::optional<QueryList> parse_query(std::string_view query, bool plus) {
    QueryList list;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto field = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (field.empty()) continue;
        const auto equals = field.find('=');
        auto name = percent_decode(field.substr(0, equals), true);
        auto value = equals == std::string_view::npos
                         ? std::optional<std::string>("")
                         : percent_decode(field.substr(equals + 1), plus);
        if (!name || !value) return std::nullopt;
        list.emplace_back(std::move(*name), std::move(*value));
    }
    return list;
}

std::optional<Target> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/') return std::nullopt;
    target = target.substr(0, target.find('#'));
    Target out;
    const auto mark = target.find('?');
    out.raw_path = target.substr(0, mark);
    if (mark != std::string_view::npos) out.raw_query = target.substr(mark + 1);
    auto path = percent_decode(out.raw_path, false);
    if (!path || !clean(*path)) return std::nullopt;
    out.path = std::move(*path);
    return out;
}

bool host_allowed(std::string_view host, std::string_view gateway,
                  const std::vector<std::string>& allowed) {
    const std::string name = host_name(host);
    if (name.empty()) return false;
    if (name == "localhost") return true;
    boost::system::error_code not_an_address;
    boost::asio::ip::make_address(name, not_an_address);
    if (!not_an_address) return true;
    const std::string ours = lower(gateway);
    if (!ours.empty() && (name == ours || name == ours + ".local")) return true;
    return std::any_of(allowed.begin(), allowed.end(),
                       [&name](const std::string& one) { return lower(one) == name; });
}

bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string>& allowed) {
    if (std::find(allowed.begin(), allowed.end(), origin) != allowed.end()) return true;
    const auto scheme_end = origin.find("://");
    if (scheme_end == std::string_view::npos) return false;
    const auto scheme = origin.substr(0, scheme_end);
    if (scheme != "http" && scheme != "https") return false;
    return lower(origin.substr(scheme_end + 3)) == lower(host);
}

}  // namespace fog
