#include "sim/world/ledger.hpp"

#include <fcntl.h>

#include <cerrno>

#include "firmware/core/record_json.hpp"
#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"

namespace fog::sim {

Result<Ledger> Ledger::open(const std::filesystem::path& path) {
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
    if (!fd) return Error{Errc::storage_error, path.string() + ": " + errno_text(errno), {}};
    return Ledger(std::move(fd));
}

void Ledger::open_line(std::string_view kind) {
    buffer_ += "{\"k\":\"";
    buffer_ += kind;
    buffer_ += '"';
}

void Ledger::member(std::string_view key, std::string_view text) {
    buffer_ += ",\"";
    buffer_ += key;
    buffer_ += "\":";
    append_json_string(buffer_, text);
}

void Ledger::member(std::string_view key, std::uint64_t number) {
    buffer_ += ",\"";
    buffer_ += key;
    buffer_ += "\":";
    append_uint(buffer_, number);
}

void Ledger::close_line(MonoTime now) {
    buffer_ += R"(,"mono":)";
    append_uint(buffer_, static_cast<std::uint64_t>(now.time_since_epoch().count()));
    buffer_ += "}\n";
}

void Ledger::run(const Scenario& scenario, WallTime start, MonoTime mono) {
    open_line("run");
    member("scenario", scenario.name);
    member("seed", scenario.seed);
    member("hash", scenario.hash);
    member("start", to_rfc3339(start));
    close_line(mono);
}

void Ledger::device(const LedgerDevice& device) {
    open_line("device");
    member("dev", device.id);
    member("as", device.gateway_id);
    member("personality", device.personality);
    member("link", device.link);
    member("level", device.level);
    buffer_ += device.timed ? ",\"timed\":true}\n" : ",\"timed\":false}\n";
}

// The line of every reading: built from few pieces, because a day of a run has millions of them.
void Ledger::sent(const Report& report, const LedgerDevice& device, WallTime source, MonoTime now,
                  bool heard) {
    scratch_.clear();
    scratch_ += R"(,"src":")";
    append_rfc3339(scratch_, source);
    scratch_ += R"(","mono":)";
    append_int(scratch_, now.time_since_epoch().count());
    scratch_ += R"(,"link":)";
    append_json_string(scratch_, device.link);
    scratch_ += R"(,"level":)";
    append_json_string(scratch_, device.level);
    for (const PointValue& point : report.points) {
        buffer_ += R"({"k":"sent","id":)";
        append_uint(buffer_, report.id);
        buffer_ += R"(,"dev":)";
        append_json_string(buffer_, device.id);
        buffer_ += R"(,"pt":)";
        append_json_string(buffer_, point.name);
        buffer_ += R"(,"v":)";
        append_value_json(buffer_, point.value);
        buffer_ += scratch_;
        if (point.odd) buffer_ += R"(,"odd":true)";
        buffer_ += heard ? "}\n" : ",\"heard\":false}\n";
    }
}

void Ledger::resent(std::uint64_t id, MonoTime now) {
    open_line("resent");
    member("id", id);
    close_line(now);
}

void Ledger::unsent(std::uint64_t id, std::string_view device, std::string_view why, MonoTime now) {
    open_line("unsent");
    member("id", id);
    member("dev", device);
    member("why", why);
    close_line(now);
}

void Ledger::acked(std::uint64_t id, MonoTime now) {
    buffer_ += R"({"k":"acked","id":)";
    append_uint(buffer_, id);
    close_line(now);
}

void Ledger::fault(std::string_view kind, std::string_view device, bool begins, MonoTime now) {
    open_line("fault");
    member("kind", kind);
    member("dev", device);
    member("state", begins ? "begin" : "end");
    close_line(now);
}

void Ledger::link(std::string_view name, std::string_view state, std::string_view why,
                  MonoTime now) {
    open_line("link");
    member("link", name);
    member("state", state);
    if (!why.empty()) member("why", why);
    close_line(now);
}

void Ledger::fact(std::string_view kind, std::string_view members, MonoTime now) {
    open_line(kind);
    if (!members.empty()) {
        buffer_ += ',';
        buffer_ += members;
    }
    close_line(now);
}

void Ledger::end(std::string_view why, MonoTime now) {
    open_line("end");
    member("why", why);
    close_line(now);
}

Result<void> Ledger::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t n = ::write(fd_.get(), rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error{Errc::storage_error, "ledger.jsonl: " + errno_text(errno), {}};
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    buffer_.clear();
    return {};
}

}  // namespace fog::sim
