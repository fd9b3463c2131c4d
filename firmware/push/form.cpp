#include <algorithm>
#include <cctype>

#include "firmware/core/text.hpp"
#include "firmware/push/params.hpp"

namespace fog {

namespace {

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

double quality_of(std::string_view parameters) {
    const auto at = parameters.find("q=");
    if (at == std::string_view::npos) return 1;
    auto text = parameters.substr(at + 2);
    text = trim(text.substr(0, text.find(';')));
    return parse_double(text).value_or(1);
}

StreamForm form_of(std::string_view type) {
    if (same_word(type, "text/event-stream")) return StreamForm::sse;
    if (same_word(type, "application/x-ndjson")) return StreamForm::ndjson;
    if (same_word(type, "application/json")) return StreamForm::poll;
    if (type == "*/*" || same_word(type, "text/*")) return StreamForm::sse;
    return StreamForm::none;
}

}  // namespace

std::string_view to_text(StreamForm form) {
    switch (form) {
        case StreamForm::websocket:
            return "websocket";
        case StreamForm::sse:
            return "sse";
        case StreamForm::ndjson:
            return "ndjson";
        case StreamForm::poll:
            return "poll";
        case StreamForm::none:
            return "none";
    }
    return "none";
}

StreamForm choose_form(const Request& request) {
    if (same_word(trim(request.header("upgrade")), "websocket")) return StreamForm::websocket;
    if (const auto asked = request.parameter("transport")) {
        for (const auto form : {StreamForm::sse, StreamForm::ndjson, StreamForm::poll})
            if (*asked == to_text(form)) return form;
        return StreamForm::none;
    }
    auto accept = request.header("accept");
    if (trim(accept).empty()) return StreamForm::sse;
    StreamForm best = StreamForm::none;
    double best_quality = 0;
    while (!accept.empty()) {
        const auto comma = accept.find(',');
        const auto item = trim(accept.substr(0, comma));
        accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
        const auto semicolon = item.find(';');
        const auto form = form_of(trim(item.substr(0, semicolon)));
        const auto quality =
            semicolon == std::string_view::npos ? 1.0 : quality_of(item.substr(semicolon));
        if (form == StreamForm::none || quality <= best_quality) continue;
        best = form;
        best_quality = quality;
    }
    return best;
}

}  // namespace fog
