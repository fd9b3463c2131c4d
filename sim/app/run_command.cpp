#include <csignal>
#include <iostream>

#include "firmware/core/text.hpp"
#include "firmware/io/files.hpp"
#include "sim/app/commands.hpp"
#include "sim/app/control.hpp"
#include "sim/app/places.hpp"
#include "sim/app/scenario_file.hpp"
#include "sim/links/engine.hpp"

namespace fog::sim {
namespace {

void print_counts(std::ostream& out, const RunResult& result) {
    out << "reports " << result.reports << ", sent " << result.counts.sent << ", acknowledged "
        << result.counts.acked << ", sent again " << result.counts.resent << ", unsent "
        << result.counts.unsent << ", unheard " << result.counts.unheard << ", connects "
        << result.counts.connects << ", waiting " << result.waiting;
}

void print_json(const Scenario& scenario, const RunResult& result) {
    std::string text = "{\"scenario\":";
    append_json_string(text, scenario.name);
    text += ",\"hash\":\"" + scenario.hash + "\",\"ended\":\"" + result.ended + "\"";
    const auto member = [&text](const char* name, std::uint64_t value) {
        text += std::string(",\"") + name + "\":" + std::to_string(value);
    };
    member("seed", scenario.seed);
    member("reports", result.reports);
    member("sent", result.counts.sent);
    member("acked", result.counts.acked);
    member("resent", result.counts.resent);
    member("unsent", result.counts.unsent);
    member("unheard", result.counts.unheard);
    member("connects", result.counts.connects);
    member("waiting", result.waiting);
    std::cout << text << "}" << std::endl;
}

/// The run as the command line asked for it, with its folder made.
struct Prepared {
    Scenario scenario;
    RunOptions options;
};

bool wants_url(const Scenario& scenario, std::string_view kind) {
    for (const DeviceSpec& device : scenario.devices) {
        if (device.personality.rfind(kind, 0) == 0 && device.link.find("url") == nullptr) {
            return true;
        }
    }
    return false;
}

Result<Prepared> prepare(const RunCommand& command) {
    auto variables = options_of(command.set, command.seed);
    if (!variables) return std::move(variables).error();
    auto scenario = load_scenario(command.scenario, *variables);
    if (!scenario) return std::move(scenario).error();
    Prepared out{std::move(*scenario), {}};
    out.options.place = {command.mqtt_url,
                         command.run_dir.empty() ? command.out / "run" : command.run_dir,
                         command.http_url, command.http_token};
    if (command.mqtt_url.empty() && wants_url(out.scenario, "mqtt.")) {
        return Error{Errc::bad_config, "the scenario has MQTT devices and no broker to talk to",
                     "--mqtt mqtt://127.0.0.1:1883"};
    }
    if (command.http_url.empty() && wants_url(out.scenario, "http.")) {
        return Error{Errc::bad_config, "the scenario has HTTP devices and no gateway to talk to",
                     "--http http://127.0.0.1:8080"};
    }
    if (!(command.speed > 0)) return Error{Errc::bad_config, "--speed must be more than 0", {}};
    out.options.speed = command.speed;
    if (!command.until.empty()) {
        auto until = parse_duration(command.until);
        if (!until) return std::move(until.error()).in("--until");
        out.options.until = *until;
    }
    if (auto made = make_folder(command.out); !made) return std::move(made).error();
    if (auto made = make_folder(out.options.place.run_dir); !made) return std::move(made).error();
    auto written = save_scenario(out.scenario, command.out);
    if (!written) return std::move(written).error();
    return out;
}

void say_what_is_skipped(const Scenario& scenario, std::ostream& words) {
    for (const FaultSpec& fault : scenario.faults) {
        if (info(fault.kind).place != FaultPlace::gateway || scenario.starts_gateway) continue;
        words << "fogsim: skipped: fault '" << to_text(fault.kind)
              << "' on the gateway, which this run has not started" << std::endl;
    }
}

}  // namespace

Result<ScenarioOptions> options_of(const std::vector<std::string>& set,
                                   std::optional<std::uint64_t> seed) {
    ScenarioOptions options;
    options.seed = seed;
    for (const std::string& one : set) {
        const std::size_t equals = one.find('=');
        if (equals == std::string::npos || equals == 0) {
            return Error{Errc::bad_config, "--set " + one + ": expected name=value", {}};
        }
        options.variables.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    }
    return options;
}

Exit run_command(const RunCommand& command) {
    if (command.in_one_process) return virtual_command(command);
    StopSignals signals;
    auto prepared = prepare(command);
    if (!prepared) return fail(prepared.error());
    auto ledger = Ledger::open(command.out / "ledger.jsonl");
    if (!ledger) return fail(ledger.error());
    std::ostream& words = command.json ? std::cerr : std::cout;
    words << "fogsim: seed " << prepared->scenario.seed << " scenario hash "
          << prepared->scenario.hash << " (" << prepared->scenario.name << ")" << std::endl;
    if (command.speed != 1) {
        words << "fogsim: the devices run " << command.speed
              << " times as fast, the gateway's clock does not" << std::endl;
    }
    prepared->scenario.starts_gateway = !command.gateway_program.empty();
    say_what_is_skipped(prepared->scenario, words);
    World world(std::move(prepared->scenario));
    Engine engine(world, prepared->options, *ledger);
    if (!command.quiet && !command.json) {
        engine.on_progress([n = 0](const RunResult& sofar) mutable {
            if (++n % 10 != 0) return;
            std::cout << "fogsim: ";
            print_counts(std::cout, sofar);
            std::cout << std::endl;
        });
    }
    auto places = Places::open(world.scenario(), command.out, words);
    if (!places) return fail(places.error());
    if (world.scenario().starts_gateway) {
        std::vector<std::string> gateway{command.gateway_program};
        gateway.insert(gateway.end(), command.gateway_args.begin(), command.gateway_args.end());
        (*places)->add_gateway(std::move(gateway), command.out / "gateway.log");
    }
    engine.on_place_fault(
        [&places](const FaultSpec& fault, bool begins) { (*places)->fault(fault, begins); });
    ControlServer control(engine);
    const auto socket = command.control.empty() ? command.out / "control.sock" : command.control;
    if (auto started = control.start(socket); !started) {
        // A run whose folder's name is too long for a socket goes on without one.
        const bool needed = !command.control.empty() || started.error().code == Errc::busy;
        if (needed) return fail(started.error());
        words << "fogsim: no control socket: " << started.error().what << std::endl;
    }
    signals.on_stop([&engine] { engine.stop(); });
    auto result = engine.run();
    if (!result) return fail(result.error());
    if (command.json) {
        print_json(world.scenario(), *result);
    } else {
        std::cout << "fogsim: " << result->ended << ": ";
        print_counts(std::cout, *result);
        std::cout << "\nfogsim: ledger in " << (command.out / "ledger.jsonl").string() << std::endl;
    }
    return Exit::ok;
}

Exit describe_command(const ScenarioCommand& command) {
    auto options = options_of(command.set, std::nullopt);
    if (!options) return fail(options.error());
    for (const std::string& name : command.scenarios) {
        auto scenario = load_scenario(name, *options);
        if (!scenario) return fail(scenario.error());
        std::cout << describe(*scenario);
    }
    return Exit::ok;
}

Exit validate_command(const ScenarioCommand& command) {
    auto options = options_of(command.set, std::nullopt);
    if (!options) return fail(options.error());
    Exit worst = Exit::ok;
    for (const std::string& name : command.scenarios) {
        auto scenario = load_scenario(name, *options);
        std::string line = "{\"scenario\":";
        append_json_string(line, name);
        line += scenario ? ",\"ok\":true" : ",\"ok\":false,\"faults\":";
        if (!scenario) {
            append_json_string(line, scenario.error().what);
            worst = Exit::bad_scenario;
        }
        if (command.json) {
            std::cout << line << "}\n";
        } else if (scenario) {
            std::cout << name << ": ok, " << scenario->devices.size() << " devices, hash "
                      << scenario->hash << "\n";
        } else {
            fail(scenario.error());
        }
    }
    return worst;
}

Exit list_command(bool json) {
    for (const auto& file : shipped_scenarios()) {
        auto scenario = load_scenario(file.string(), {});
        const std::string name = file.stem().string();
        const std::string about = scenario ? scenario->name : "does not load";
        if (json) {
            std::string line = "{\"scenario\":";
            append_json_string(line, name);
            line += ",\"name\":";
            append_json_string(line, about);
            std::cout << line << "}\n";
        } else {
            std::cout << name << ": " << about << "\n";
        }
    }
    return Exit::ok;
}

}  // namespace fog::sim
