#include "firmware/http/ws_handshake.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "firmware/core/text.hpp"
#include "firmware/http/ws_frame.hpp"

namespace fog::ws {

namespace {

bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const auto item = trim(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        const bool same = std::equal(item.begin(), item.end(), word.begin(), word.end(),
                                     [](char a, char b) { return (a | 0x20) == (b | 0x20); });
        if (same) return true;
    }
    return false;
}

Problem make(unsigned status, std::string slug, std::string title, std::string detail = {}) {
    Problem problem;
    problem.status = status;
    problem.slug = std::move(slug);
    problem.title = std::move(title);
    problem.detail = std::move(detail);
    return problem;
}

}  // namespace

std::optional<Problem> check_handshake(const Request& request, std::string_view protocol,
                                       Protocol need) {
    if (request.method != Method::get) return make(405, "method", "A WebSocket begins with GET");
    if (request.header("sec-websocket-version") != "13")
        return make(426, "websocket-version", "The WebSocket version is not supported",
                    "version 13 is");
    const auto key = request.header("sec-websocket-key");
    if (key.size() != 24 || key.substr(22) != "==" ||
        !has_word(request.header("connection"), "upgrade"))
        return make(400, "websocket-invalid", "The WebSocket handshake is not valid");
    const auto offered = request.header("sec-websocket-protocol");
    const bool free = offered.empty() && need == Protocol::optional;
    if (!free && !has_word(offered, protocol))
        return make(400, "sub-protocol", "No sub-protocol that is known here",
                    std::string(protocol) + " is");
    return std::nullopt;
}

Response refuse_handshake(const Problem& problem, const Request& request) {
    auto response = problem_response(problem, request.path);
    if (problem.status == 426) response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return response;
}

Response accept_handshake(const Request& request, std::string_view protocol) {
    Response response;
    response.status = 101;
    response.headers = {{"Upgrade", "websocket"},
                        {"Connection", "Upgrade"},
                        {"Sec-WebSocket-Accept", accept_key(request.header("sec-websocket-key"))}};
    if (!request.header("sec-websocket-protocol").empty())
        response.headers.emplace_back("Sec-WebSocket-Protocol", protocol);
    return response;
}

}  // namespace fog::ws
