#include "firmware/http/router.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "firmware/http/target.hpp"

namespace fog {

namespace {

std::vector<std::string_view> segments(std::string_view path) {
    std::vector<std::string_view> out;
    if (!path.empty() && path.front() == '/') path.remove_prefix(1);
    for (;;) {
        const auto slash = path.find('/');
        out.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return out;
        path.remove_prefix(slash + 1);
    }
}

bool is_name(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

using Values = std::vector<std::pair<std::string, std::string>>;

std::string decoded(std::string_view segment) {
    return percent_decode(segment, false).value_or(std::string(segment));
}

/// Rank of a match: one digit per segment, literals (2) above names (1) above the rest (0).
std::optional<std::string> match(std::string_view pattern, std::string_view path, Values& values) {
    const auto want = segments(pattern);
    const auto have = segments(path);
    std::string rank;
    for (std::size_t i = 0; i < want.size(); ++i) {
        std::string_view name = want[i];
        if (is_name(name) && name.size() > 5 && name.substr(name.size() - 4) == "...}") {
            name = name.substr(1, name.size() - 5);
            std::string rest;
            for (std::size_t k = i; k < have.size(); ++k) {
                if (k != i) rest += '/';
                rest += decoded(have[k]);
            }
            if (rest.empty()) return std::nullopt;
            values.emplace_back(name, std::move(rest));
            return rank + '0';
        }
        if (i >= have.size()) return std::nullopt;
        std::string text = decoded(have[i]);
        if (is_name(name)) {
            if (text.empty()) return std::nullopt;
            values.emplace_back(name.substr(1, name.size() - 2), std::move(text));
            rank += '1';
        } else {
            if (text != name) return std::nullopt;
            rank += '2';
        }
    }
    if (want.size() != have.size()) return std::nullopt;
    return rank;
}

}  // namespace

void Router::add(Route route) {
    routes_.push_back(std::move(route));
}

Router::Found Router::find(Method method, std::string_view path) const {
    Found found;
    std::string best;
    for (const Route& route : routes_) {
        Values values;
        auto rank = match(route.pattern, path, values);
        if (!rank) continue;
        if (std::find(found.allowed.begin(), found.allowed.end(), route.method) ==
            found.allowed.end())
            found.allowed.push_back(route.method);
        const bool wanted =
            route.method == method || (method == Method::head && route.method == Method::get);
        if (!wanted || (found.route != nullptr && *rank <= best)) continue;
        found.route = &route;
        found.values = std::move(values);
        best = std::move(*rank);
    }
    const auto has = [&found](Method one) {
        return std::find(found.allowed.begin(), found.allowed.end(), one) != found.allowed.end();
    };
    if (has(Method::get) && !has(Method::head)) found.allowed.push_back(Method::head);
    return found;
}

}  // namespace fog
