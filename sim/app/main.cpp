// fogsim: simulated devices, a recorder for the far side, and the checker that joins both.

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "firmware/core/text.hpp"
#include "sim/app/commands.hpp"

namespace fog::sim {

Exit fail(const Error& error) {
    std::cerr << "fogsim: " << error.what << "\n";
    if (!error.hint.empty()) std::cerr << "  help: " << error.hint << "\n";
    return error.code == Errc::bad_config ? Exit::bad_scenario : Exit::environment;
}

namespace {

/// The options of all commands, filled by the parser.
struct Line {
    RunCommand run;
    std::uint64_t seed = 0;
    ScenarioCommand scenario;
    CheckCommand check;
    FarCommand far;
    CtlCommand ctl;
    RecordCommand record;
    ReplayCommand replay;
    bool in_one_process = true;  // replay --virtual: what it does anyway
    bool json = false;
};

CLI::App* add_run(CLI::App& app, Line& line) {
    auto* run = app.add_subcommand("run", "Run a scenario over real links");
    run->add_option("SCENARIO", line.run.scenario, "file, or a name from 'list'")->required();
    run->add_option("--seed", line.seed, "instead of the scenario's own");
    run->add_option("--set", line.run.set, "name=value for a variable of [vars]");
    run->add_option("--out", line.run.out, "folder of the ledger")->capture_default_str();
    run->add_option("--run-dir", line.run.run_dir, "folder of by-id/ links (OUT/run)");
    run->add_option("--until", line.run.until, "end at this scenario time, e.g. \"30 s\"");
    run->add_option("--mqtt", line.run.mqtt_url, "broker or gateway, e.g. mqtt://127.0.0.1:1883");
    run->add_option("--http", line.run.http_url, "gateway for http.ingest, http://127.0.0.1:8080");
    run->add_option("--http-token", line.run.http_token, "token with the right to ingest");
    run->add_option("--gateway-program", line.run.gateway_program,
                    "start a gateway, which can then have faults");
    run->add_option("--gateway-arg", line.run.gateway_args, "--gateway-arg=--config, repeated");
    run->add_option("--speed", line.run.speed, "scenario seconds per real second");
    run->add_option("--control", line.run.control, "socket for 'ctl' (OUT/control.sock)");
    auto* real = run->add_flag("--real", line.run.real_time, "over real links (the default)");
    run->add_flag("--virtual", line.run.in_one_process,
                  "with a gateway in this process, on a clock that jumps")
        ->excludes(real);
    run->add_flag("--quiet", line.run.quiet, "no line every ten seconds");
    return run;
}

void add_far_common(CLI::App* far, Line& line) {
    far->add_option("--out", line.far.out, "file (far-SINK.jsonl)");
    far->add_option("--sink", line.far.sink, "name of the sink")->capture_default_str();
    far->add_option("--fault", line.far.faults,
                    "KIND[,name=value...], e.g. \"late_ack,by=200 ms,every=10 s,for=2 s\"");
    far->add_option("--seed", line.far.seed, "of the faults' chances")->capture_default_str();
    far->add_flag("--json", line.json);
}

struct FarApps {
    CLI::App* mqtt;
    CLI::App* http;
};

FarApps add_far(CLI::App& app, Line& line) {
    auto* far = app.add_subcommand("far", "Play the far side and record what arrives");
    far->require_subcommand(1);
    auto* mqtt = far->add_subcommand("mqtt", "An MQTT broker, or a subscriber at one");
    auto* url =
        mqtt->add_option("--url", line.far.url, "mqtt://host:port of a broker to listen at");
    auto* listen =
        mqtt->add_option("--listen", line.far.listen, "be the broker: PORT or HOST:PORT");
    url->excludes(listen);
    mqtt->add_option("--topic", line.far.topics, "filter, may be repeated")->capture_default_str();
    mqtt->add_option("--client-id", line.far.client_id)->capture_default_str();
    mqtt->add_option("--user", line.far.user);
    mqtt->add_option("--password", line.far.password);
    auto* http = far->add_subcommand("http", "A web server that takes records");
    http->add_option("--listen", line.far.listen, "PORT or HOST:PORT")->required();
    add_far_common(mqtt, line);
    add_far_common(http, line);
    return {mqtt, http};
}

CLI::App* add_ctl(CLI::App& app, Line& line) {
    auto* ctl = app.add_subcommand("ctl", "Look at a run and change it while it goes on");
    ctl->add_option("--control", line.ctl.control, "its socket")->capture_default_str();
    ctl->add_flag("--json", line.json);
    ctl->require_subcommand(1);
    const auto add = [&line](CLI::App* to, const char* name, const char* about, const char* what) {
        auto* sub = to->add_subcommand(name, about);
        sub->callback([&line, what] { line.ctl.what = what; });
        sub->fallthrough();  // --control and --json may stand behind it too
        return sub;
    };
    add(ctl, "status", "Devices, inputs and faults", "status");
    add(ctl, "pause", "Scenario time stands still", "pause");
    add(ctl, "resume", "Scenario time goes on", "resume");
    add(ctl, "stop", "End the run, with its report", "stop");
    auto* set = add(ctl, "set", "Give an input a value", "set");
    set->add_option("INPUT", line.ctl.input, "device.point, or plant.input")->required();
    set->add_option("VALUE", line.ctl.value)->required();
    auto* fault = ctl->add_subcommand("fault", "Add or clear a fault");
    fault->require_subcommand(1);
    fault->fallthrough();
    auto* begin = add(fault, "add", "Begin a fault now", "fault add");
    begin->add_option("ON", line.ctl.on, "device/freezer-*, tcp/cloud, far/cloud")->required();
    begin->add_option("KIND", line.ctl.kind)->required();
    begin->add_option("--for", line.ctl.lasts, "e.g. \"10 s\"; until cleared");
    begin->add_option("--with", line.ctl.with, "name=value, e.g. by=\"200 ms\"");
    auto* clear = add(fault, "clear", "End a fault", "fault clear");
    clear->add_option("ID", line.ctl.id)->required();
    return ctl;
}

CLI::App* add_record(CLI::App& app, Line& line) {
    auto* record = app.add_subcommand("record", "Record what a running gateway took in");
    record
        ->add_option("--gateway", line.record.gateway,
                     "http://127.0.0.1:8080, unix:/…/control.sock")
        ->required();
    record->add_option("--token", line.record.token, "read:live, read:history ($FOGLINE_TOKEN)");
    record->add_option("--last", line.record.last, "how long, up to now")->capture_default_str();
    record->add_option("--lead", line.record.lead, "before it, not judged: rules warm up")
        ->capture_default_str();
    record->add_option("-o,--out", line.record.out, "file")->capture_default_str();
    record->add_flag("--no-names", line.record.no_names,
                     "devices, points, rules and people become letters");
    return record;
}

CLI::App* add_replay(CLI::App& app, Line& line) {
    auto* replay = app.add_subcommand("replay", "Replay a recording and compare its alarms");
    replay->add_option("FILE", line.replay.file, "what 'record' wrote")->required();
    replay->add_option("--rules", line.replay.rules, "folder of rules, instead of the recorded");
    replay->add_option("--tolerance", line.replay.tolerance, "of an alarm's time")
        ->capture_default_str();
    auto* one = replay->add_flag("--virtual", line.in_one_process,
                                 "with a gateway in this process, on a clock that jumps "
                                 "(the default)");
    auto* gateway = replay->add_option("--gateway", line.replay.gateway,
                                       "into a running one, as slowly as it was: "
                                       "http://127.0.0.1:8080, unix:/…/control.sock");
    gateway->excludes(one)->excludes("--rules");
    replay->add_option("--token", line.replay.token,
                       "ingest, ack:alarms, read:live, read:history ($FOGLINE_TOKEN)");
    return replay;
}

int run_main(int argc, char** argv) {
    CLI::App app("Fogline's simulator: devices, far sides, and the checker that joins both.");
    app.name("fogsim");
    app.require_subcommand(1);
    Line line;
    auto* run = add_run(app, line);
    auto* describe = app.add_subcommand("describe", "Print a scenario in words");
    auto* validate = app.add_subcommand("validate", "Check scenarios without running them");
    for (auto* sub : {describe, validate}) {
        sub->add_option("SCENARIO", line.scenario.scenarios)->required();
        sub->add_option("--set", line.scenario.set, "name=value");
    }
    auto* list = app.add_subcommand("list", "Name the scenarios that come with fogsim");
    auto* check = app.add_subcommand("check", "Join ledger and far sides and judge");
    check->add_option("DIR", line.check.folder, "ledger.jsonl and far-<sink>.jsonl")->required();
    check->add_option("--gateway-ledger", line.check.gateway_ledgers,
                      "answer of GET /api/v1/uplinks/{id}/ledger (DIR/ledger-<sink>.json)");
    const FarApps far = add_far(app, line);
    auto* ctl = add_ctl(app, line);
    auto* record = add_record(app, line);
    auto* replay = add_replay(app, line);
    for (auto* sub : {run, validate, list, check, record, replay})
        sub->add_flag("--json", line.json);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);  // prints help or the fault
        return code == 0 ? 0 : static_cast<int>(Exit::bad_scenario);
    }
    if (run->count("--seed") > 0) line.run.seed = line.seed;
    line.run.json = line.scenario.json = line.check.json = line.far.json = line.ctl.json =
        line.record.json = line.replay.json = line.json;
    Exit code = Exit::ok;
    if (run->parsed()) code = run_command(line.run);
    if (describe->parsed()) code = describe_command(line.scenario);
    if (validate->parsed()) code = validate_command(line.scenario);
    if (list->parsed()) code = list_command(line.json);
    if (check->parsed()) code = check_command(line.check);
    if (far.mqtt->parsed()) code = far_mqtt_command(line.far);
    if (far.http->parsed()) code = far_http_command(line.far);
    if (ctl->parsed()) code = ctl_command(line.ctl);
    if (record->parsed()) code = record_command(line.record);
    if (replay->parsed()) code = replay_command(line.replay);
    return static_cast<int>(code);
}

}  // namespace
}  // namespace fog::sim

int main(int argc, char** argv) {
    try {
        return fog::sim::run_main(argc, argv);
    } catch (const std::exception& error) {  // out of memory, or a fault of ours
        std::cerr << "fogsim: " << error.what() << "\n";
        return static_cast<int>(fog::sim::Exit::environment);
    }
}
