#include "sim/cloud/far_http.hpp"

#include <pthread.h>

#include "sim/cloud/json.hpp"

namespace fog::sim {
namespace {

using K = FaultKind;
constexpr std::size_t kSlowSteps = 20;  // a slow answer comes in so many pieces

MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

FarHttp::FarHttp(FarRecorder& recorder, std::uint64_t seed, const std::string& name)
    : recorder_(recorder), faults_(seed, "far/" + name), loop_(*this) {}

FarHttp::~FarHttp() {
    stop();
}

Result<std::uint16_t> FarHttp::start(const std::string& address, std::uint16_t port) {
    auto listening = loop_.listen(address, port);
    if (!listening) return std::move(listening).error();
    port_ = listening->port;
    thread_ = std::thread([this] { loop_.run(); });
    pthread_setname_np(thread_.native_handle(), "fog-sim-far");
    return port_;
}

void FarHttp::stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
}

void FarHttp::set(const FaultSpec& fault, bool begins) {
    // A thousand may wait: more than faults can be.
    [[maybe_unused]] const bool posted =
        loop_.post([this, fault, begins] { faults_.set(fault, begins); });
}

void FarHttp::opened(Stream&, std::uint64_t) {}

void FarHttp::closed(Stream& stream) {
    busy_.erase(stream.id());
}

void FarHttp::heard(Stream& stream) {
    while (!stream.dead() && busy_.count(stream.id()) == 0) {
        HttpParse parsed = parse_http_request(stream.heard(), kBodyBytes);
        if (parsed.state == HttpParse::State::bad) {
            stream.send(http_response(400, parsed.why, "text/plain", {}, false));
            return stream.finish();
        }
        if (parsed.state == HttpParse::State::incomplete) {
            if (parsed.wants_continue) stream.send("HTTP/1.1 100 Continue\r\n\r\n");
            if (stream.ended()) stream.finish();
            return;
        }
        stream.consume(parsed.used);
        ++requests_;
        serve(stream, parsed.request);
    }
}

/// Whether a fault answers (or doesn't) before anything is recorded.
bool FarHttp::refuse(Stream& stream, const HttpRequest& request) {
    if (faults_.strikes(K::hang) != nullptr) {
        busy_[stream.id()] = true;  // for ever; the client gives up or the run ends
        return true;
    }
    if (const FaultSpec* fault = faults_.strikes(K::status)) {
        std::vector<std::pair<std::string, std::string>> headers;
        if (fault->retry_after.count() > 0) {
            const auto seconds = std::chrono::ceil<std::chrono::seconds>(fault->retry_after);
            headers.emplace_back("Retry-After", std::to_string(seconds.count()));
        }
        stream.send(http_response(fault->code, "{\"error\":\"as the scenario says\"}",
                                  "application/json", headers, request.keep_alive));
    } else if (faults_.strikes(K::redirect) != nullptr) {
        // To itself: who follows blindly goes round in a circle.
        const std::string where = "http://127.0.0.1:" + std::to_string(port_) + request.target;
        stream.send(
            http_response(307, "", "text/plain", {{"Location", where}}, request.keep_alive));
    } else {
        return false;
    }
    if (!request.keep_alive) stream.finish();
    return true;
}

/// Records the body; the answer. `partial` takes the first half of a list and names the rest.
std::string FarHttp::accept(const HttpRequest& request, unsigned& status) {
    status = 200;
    if (request.method != "POST" && request.method != "PUT") return "{}";
    nlohmann::json body = parse_json(request.body);
    nlohmann::json* rows = &body;
    if (body.is_object() && body.contains("records")) rows = &body["records"];
    const bool is_list = rows->is_array() && rows->size() > 1;
    if (is_list && faults_.strikes(K::partial) != nullptr) {
        const std::size_t total = rows->size(), taken = total / 2;
        std::string refused;
        for (std::size_t i = taken; i < total; ++i) {
            refused += (refused.empty() ? "" : ",") + std::string("{\"index\":") +
                       std::to_string(i) + ",\"status\":503}";
        }
        rows->erase(rows->begin() + static_cast<std::ptrdiff_t>(taken), rows->end());
        recorder_.take(request.target,
                       rows->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        status = 207;
        return "{\"accepted\":" + std::to_string(taken) + ",\"rejected\":[" + refused + "]}";
    }
    recorder_.take(request.target, request.body);
    return "{\"accepted\":" + std::to_string(rows->is_array() ? rows->size() : 1) + "}";
}

void FarHttp::serve(Stream& stream, const HttpRequest& request) {
    if (refuse(stream, request)) return;
    unsigned status = 200;
    const std::string body = accept(request, status);
    if (faults_.strikes(K::lost_answer) != nullptr) return stream.close();
    answer(stream, request, status, body);
}

void FarHttp::answer(Stream& stream, const HttpRequest& request, unsigned status,
                     const std::string& body) {
    std::string text = body;
    if (const FaultSpec* fault = faults_.strikes(K::big_answer)) {
        text = "{\"padding\":\"" + std::string(static_cast<std::size_t>(fault->bytes), 'x') + "\"}";
    }
    std::string whole = http_response(status, text, "application/json", {}, request.keep_alive);
    if (faults_.strikes(K::cut_body) != nullptr) {
        whole.resize(whole.size() - (text.size() + 1) / 2);
        stream.send(whole);
        return stream.finish();
    }
    if (const FaultSpec* fault = faults_.strikes(K::slow)) {
        busy_[stream.id()] = true;
        slow_.push_back({stream.id(), std::move(whole), mono_now(),
                         fault->by / static_cast<std::int64_t>(kSlowSteps), request.keep_alive});
        return;
    }
    stream.send(whole);
    if (!request.keep_alive) stream.finish();
}

std::optional<MonoTime> FarHttp::due(MonoTime now) {
    std::optional<MonoTime> next;
    for (auto it = slow_.begin(); it != slow_.end();) {
        Stream* stream = loop_.find(it->stream);
        if (stream == nullptr) {
            it = slow_.erase(it);
            continue;
        }
        if (it->next <= now) {
            const std::size_t size = it->rest.size() / kSlowSteps + 1;
            stream->send(std::string_view(it->rest).substr(0, size));
            it->rest.erase(0, size);
            it->next = now + it->step;
        }
        if (it->rest.empty()) {
            const bool keep = it->keep_alive;
            it = slow_.erase(it);
            busy_.erase(stream->id());
            if (keep) {
                heard(*stream);
            } else {
                stream->finish();
            }
            continue;
        }
        next = next ? std::min(*next, it->next) : it->next;
        ++it;
    }
    return next;
}

}  // namespace fog::sim
