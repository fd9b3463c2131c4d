#include <condition_variable>
#include <iostream>
#include <mutex>

#include "firmware/core/text.hpp"
#include "sim/app/commands.hpp"
#include "sim/cloud/far_broker.hpp"
#include "sim/cloud/far_http.hpp"
#include "sim/cloud/far_recorder.hpp"
#include "sim/links/fault_board.hpp"
#include "sim/world/make_node.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;

std::filesystem::path file_of(const FarCommand& command) {
    return command.out.empty() ? std::filesystem::path("far-" + command.sink + ".jsonl")
                               : command.out;
}

Exit report(const FarCommand& command, const FarRecorder& recorder) {
    if (command.json) {
        std::cout << "{\"records\":" << recorder.records() << ",\"others\":" << recorder.others()
                  << "}" << std::endl;
    } else {
        std::cout << "fogsim: " << recorder.records() << " records, " << recorder.others()
                  << " other messages" << std::endl;
    }
    if (recorder.failed_writes() > 0) {
        return fail(
            {Errc::storage_error, file_of(command).string() + ": not all could be written", {}});
    }
    return Exit::ok;
}

/// "late_ack,by=200 ms,probability=0.5"
Result<FaultSpec> parse_fault(const std::string& words, const Scenario& scenario) {
    Node node = table({{"on", text("far/" + scenario.fars.front().id)}});
    std::string_view rest = words;
    for (bool first = true; !rest.empty(); first = false) {
        const std::size_t comma = rest.find(',');
        const std::string_view word = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        const std::size_t equals = word.find('=');
        if (first) {
            node.set("kind", text(std::string(word)));
        } else if (equals == std::string_view::npos) {
            return Error{Errc::bad_config, "--fault " + words + ": expected name=value", {}};
        } else {
            const std::string value(word.substr(equals + 1));
            const auto whole_number = parse_int(value);
            const auto real = parse_double(value);
            node.set(word.substr(0, equals), whole_number ? whole(*whole_number)
                                             : real       ? number(*real)
                                                          : text(value));
        }
    }
    const bool timed = node.find("at") != nullptr || node.find("every") != nullptr;
    std::vector<Fault> faults;
    ConfigView view(node, faults);
    FaultSpec fault = read_fault_spec(view, scenario, !timed);
    if (has_errors(faults)) {
        return Error{Errc::bad_config, "--fault " + words + ": " + faults.front().detail,
                     faults.front().hint};
    }
    return fault;
}

Result<HostPort> address_of(const std::string& listen) {
    if (listen == "0") return HostPort{"127.0.0.1", 0};
    return HostPort::parse(listen.find(':') == std::string::npos ? "127.0.0.1:" + listen : listen);
}

/// Tells a far side of its faults as their times come, until stopped.
void keep_time(FarSide& far, FaultBoard& board, StopSignals& signals) {
    std::mutex mutex;
    std::condition_variable ended;
    bool stop = false;
    signals.on_stop([&] {
        const std::lock_guard lock(mutex);
        stop = true;
        ended.notify_all();
    });
    const auto start = std::chrono::steady_clock::now();
    std::vector<FaultBoard::Change> changes;
    std::unique_lock lock(mutex);
    while (!stop) {
        const SimTime now = std::chrono::steady_clock::now() - start;
        changes.clear();
        board.update(now, changes);
        for (const auto& change : changes) far.set(*change.fault, change.begins);
        const auto next = board.next_change(now);
        // A day, not "for ever": far from overflowing the clock.
        const SimTime rest = next ? std::max<SimTime>(*next - now, 1ms) : SimTime{24h};
        ended.wait_for(lock, rest, [&stop] { return stop; });
    }
}

template <class Far>
Exit listen_command(const FarCommand& command) {
    StopSignals signals;
    Scenario scenario;
    scenario.seed = command.seed;
    scenario.fars.push_back({command.sink, std::is_same_v<Far, FarHttp>, 0});
    for (const std::string& words : command.faults) {
        auto fault = parse_fault(words, scenario);
        if (!fault) return fail(fault.error());
        scenario.faults.push_back(std::move(*fault));
    }
    const auto address = address_of(command.listen);
    if (!address) return fail(address.error());
    auto recorder = FarRecorder::open(file_of(command), command.sink);
    if (!recorder) return fail(recorder.error());
    FaultBoard board(scenario);
    Far far(*recorder, command.seed, command.sink);
    std::vector<FaultBoard::Change> first;
    board.update(SimTime{0}, first);  // those that hold from the beginning hold for the first byte
    for (const auto& change : first) far.set(*change.fault, change.begins);
    auto port = far.start(address->host, address->port);
    if (!port) return fail(port.error());
    std::cout << "fogsim: far/" << command.sink << " listens on " << address->host << ":" << *port
              << ", records to " << file_of(command).string() << std::endl;
    keep_time(far, board, signals);
    far.stop();
    return report(command, *recorder);
}

}  // namespace

Exit far_http_command(const FarCommand& command) {
    return listen_command<FarHttp>(command);
}

Exit far_mqtt_command(const FarCommand& command) {
    if (!command.listen.empty()) return listen_command<FarBroker>(command);
    if (command.url.empty() || !command.faults.empty()) {
        return fail({Errc::bad_config,
                     command.url.empty() ? "neither --listen nor --url"
                                         : "a subscriber has no faults of its own",
                     "--listen 1884 is a broker, --url mqtt://host:port subscribes at one"});
    }
    StopSignals signals;
    const auto file = file_of(command);
    auto recorder = FarRecorder::open(file, command.sink);
    if (!recorder) return fail(recorder.error());
    FarMqtt far({command.url, command.topics, command.client_id, command.user, command.password},
                *recorder);
    signals.on_stop([&far] { far.stop(); });
    std::cout << "fogsim: recording " << command.url << " to " << file.string() << std::endl;
    auto done = far.run();
    const Exit reported = report(command, *recorder);
    return done ? reported : fail(done.error());
}

}  // namespace fog::sim
