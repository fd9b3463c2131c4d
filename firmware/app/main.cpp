#include <CLI/CLI.hpp>
#include <iostream>

#include "cloud-uplink/sink.hpp"
#include "drivers/dialect.hpp"
#include "drivers/driver.hpp"
#include "firmware/app/check.hpp"
#include "firmware/app/daemon.hpp"
#include "firmware/push/transport.hpp"
#include "rules/operator.hpp"

namespace {

template <class Info>
void list(std::string_view kind, std::span<const Info* const> components) {
    for (const Info* one : components)
        std::cout << kind << '.' << one->name << '\t' << one->summary << '\n';
}

void list_components() {
    list("driver", fog::all_drivers());
    list("dialect", fog::all_dialects());
    list("operator", fog::all_operators());
    list("sink", fog::all_sinks());
    list("transport", fog::all_transports());
}

}  // namespace

int main(int argc, char** argv) {
    using namespace fog;
    CLI::App app("foglined: the Fogline gateway daemon", "foglined");
    app.set_version_flag("--version", std::string("foglined ") + FOG_VERSION);
    DaemonOptions options;
    bool check = false;
    bool components = false;
    bool strict = false;
    std::string format = "text";
    std::string path;
    app.add_option("--config", options.config, "main configuration file (may be absent)");
    app.add_option("--state", options.state, "state folder: log, registry, users");
    app.add_option("--runtime", options.runtime, "runtime folder: control socket, ingest ring");
    app.add_option("--set", options.sets, "section.key=value, above every other layer");
    app.add_option("--ui-dir", options.ui, "serve the web page from this folder, uncached")
        ->check(CLI::ExistingDirectory);
    app.add_flag("--strict-config", options.strict,
                 "exit with 78 when the configuration has faults, under a service manager too");
    app.add_flag("--list-components", components, "list what this build contains and exit");
    app.add_flag("-t,--check-config", check, "check the configuration, change nothing, exit");
    app.add_flag("--strict", strict, "with --check-config: warnings fail too");
    app.add_option("--format", format, "of --check-config: text or json")
        ->check(CLI::IsMember({"text", "json"}));
    app.add_option("path", path, "file or folder to check (default: --config)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage);
    }
    if (components) {
        list_components();
        return 0;
    }
    if (!check) return static_cast<int>(run_daemon(options));
    const auto report =
        check_everything(path.empty() ? options.config : std::filesystem::path(path));
    std::cout << (format == "json" ? report_json(report) : report_text(report));
    return static_cast<int>(exit_code(report, strict));
}
