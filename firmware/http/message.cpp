#include "firmware/http/message.hpp"

#include "firmware/core/text.hpp"

namespace fog {

std::string_view to_text(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::head:
            return "HEAD";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::patch:
            return "PATCH";
        case Method::del:
            return "DELETE";
        case Method::options:
            return "OPTIONS";
    }
    return "GET";
}

namespace {

template <class List>
const std::string* find_in(const List& list, std::string_view name) {
    for (const auto& [key, value] : list)
        if (key == name) return &value;
    return nullptr;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    out += ",\"";
    out += name;
    out += "\":";
    append_json_string(out, text);
}

void append_number(std::string& out, std::string_view name, std::uint64_t number) {
    out += ",\"";
    out += name;
    out += "\":";
    append_uint(out, number);
}

void append_faults(std::string& out, const std::vector<Fault>& faults) {
    if (faults.empty()) return;
    out += ",\"errors\":[";
    for (std::size_t i = 0; i < faults.size(); ++i) {
        const Fault& fault = faults[i];
        if (i != 0) out += ',';
        // A JSON pointer starts with a slash; anything else names a parameter.
        const bool pointer = fault.pointer.empty() || fault.pointer.front() == '/';
        out += pointer ? "{\"pointer\":" : "{\"parameter\":";
        append_json_string(out, fault.pointer);
        append_member(out, "code", fault.code);
        append_member(out, "detail", fault.detail);
        append_member(out, "hint", fault.hint);
        if (!fault.mark.file.empty()) append_member(out, "file", fault.mark.file);
        if (fault.mark.line != 0) {
            append_number(out, "line", fault.mark.line);
            append_number(out, "column", fault.mark.column);
        }
        if (fault.warning) out += ",\"warning\":true";
        out += '}';
    }
    out += ']';
}

}  // namespace

std::string_view Request::header(std::string_view lower_case_name) const {
    const auto* found = find_in(headers, lower_case_name);
    return found != nullptr ? std::string_view(*found) : std::string_view{};
}

std::string_view Request::value(std::string_view path_name) const {
    const auto* found = find_in(path_values, path_name);
    return found != nullptr ? std::string_view(*found) : std::string_view{};
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
    const auto* found = find_in(query, name);
    return found != nullptr ? std::optional<std::string_view>(*found) : std::nullopt;
}

std::string problem_json(const Problem& problem, std::string_view instance) {
    std::string out = "{\"type\":";
    append_json_string(out, "/problems/" + problem.slug);
    append_member(out, "title", problem.title.empty() ? problem.slug : problem.title);
    append_number(out, "status", problem.status);
    append_member(out, "detail", problem.detail);
    append_member(out, "instance", instance);
    append_faults(out, problem.errors);
    append_member(out, "hint", problem.hint);
    if (problem.limit) append_number(out, "limit", *problem.limit);
    if (problem.value) append_number(out, "value", *problem.value);
    if (!problem.members.empty()) out.append(",").append(problem.members);
    out += '}';
    return out;
}

Response problem_response(const Problem& problem, std::string_view instance) {
    Response response;
    response.status = problem.status;
    response.content_type = "application/problem+json";
    response.headers.emplace_back("Cache-Control", "no-store");
    if (problem.retry_after_seconds)
        response.headers.emplace_back("Retry-After", std::to_string(*problem.retry_after_seconds));
    if (problem.status == 401)
        response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"fogline\"");
    response.body = problem_json(problem, instance);
    return response;
}

Problem problem_of(const Error& error) {
    Problem problem;
    problem.detail = error.what;
    problem.hint = error.hint;
    const auto as = [&problem](unsigned status, std::string_view slug, std::string_view title) {
        problem.status = status;
        problem.slug = slug;
        problem.title = title;
    };
    switch (error.code) {
        case Errc::bad_config:
            as(422, "config-invalid", "The configuration is not valid");
            break;
        case Errc::bad_frame:
            as(400, "input-invalid", "The input does not decode");
            break;
        case Errc::bad_request:
            as(400, "request-invalid", "The request is not valid");
            break;
        case Errc::not_found:
            as(404, "not-found", "There is no such thing");
            break;
        case Errc::conflict:
            as(409, "conflict", "It conflicts with what is there");
            break;
        case Errc::timeout:
            as(504, "timeout", "No answer in time");
            break;
        case Errc::unreachable:
            as(503, "unreachable", "The far side cannot be reached");
            break;
        case Errc::refused:
            as(502, "refused", "The far side refused");
            break;
        case Errc::denied:
            as(403, "not-allowed", "Not allowed");
            break;
        case Errc::busy:
            as(503, "busy", "Too much to do at the moment");
            break;
        case Errc::storage_full:
            as(507, "storage-full", "No room to store it");
            break;
        case Errc::storage_error:
            as(503, "storage-error", "The storage failed");
            break;
        case Errc::internal:
            as(500, "internal", "A fault of the gateway itself");
            break;
    }
    if (problem.status == 503 || problem.status == 507) problem.retry_after_seconds = 2;
    return problem;
}

Response json_response(std::string body, unsigned status) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

}  // namespace fog
