#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>

#include "tests/bench/bench.hpp"

namespace {

using namespace fog::bench;

constexpr std::array<Bench, 8> kBenches = {{
    {"push", "B1 B2: sensor to client, latency and CPU of a delivery", bench_push},
    {"resident", "B3 B10: memory idle, with 1,000 points, of an idle client", bench_resident},
    {"ingest", "B4: durable MQTT ingest beside a bare reader", bench_ingest},
    {"rules", "B6: 1,000 threshold rules over 1,000 points", bench_rules},
    {"log", "B8 B9: records a second, bytes written for each", bench_log},
    {"size", "B11 B13: stripped program, page", bench_size},
    {"start", "B12: start to first sample pushed", bench_start},
    {"ring", "the ingest ring: push and pop of one message", bench_ring},
}};

/// A bench that fails leaves a line that says why and the others alone.
bool run_one(const Bench& bench, const Options& options, bool json, bool budgets) {
    try {
        for (const Line& line : bench.run(options))
            if (!budgets || !line.id.empty()) print(line, json);
        return true;
    } catch (const std::exception& error) {
        print(unmeasured("", std::string(bench.name), std::string("failed: ") + error.what()),
              json);
        return false;
    }
}

std::filesystem::path beside_this_program() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "foglined";
}

int run_budgets(const Options& options, bool json) {
    if (!json) print_header();
    bool good = true;
    for (const Bench& bench : kBenches)
        if (bench.name != "ring") good = run_one(bench, options, json, true) && good;
    print(unmeasured("B5", "filter-path", "not built"), json);
    print(unmeasured("B7", "rule-preview", "not built"), json);
    return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("fogbench: measures Fogline on this machine", "fogbench");
    Options options;
    options.daemon = beside_this_program();
    options.work = std::filesystem::temp_directory_path();
    bool budgets = false;
    bool json = false;
    std::string name;
    app.add_flag("--budgets", budgets, "every budget with its verdict");
    app.add_flag("--json", json, "one object a line");
    app.add_flag("--quick", options.quick, "shorter and less exact");
    app.add_option("--daemon", options.daemon,
                   "the foglined to measure (default: beside this one)");
    app.add_option("--work", options.work, "where to make folders; a real file system");
    app.add_option("name", name, "one bench");
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    if (std::string_view(FOG_BUILD_TYPE) != "Release")
        std::fputs("fogbench: not a release build; the numbers mean little\n", stderr);
    if (budgets) return run_budgets(options, json);
    for (const Bench& bench : kBenches) {
        if (name.empty()) {
            std::printf("%-10s %s\n", std::string(bench.name).c_str(),
                        std::string(bench.summary).c_str());
        } else if (name == bench.name) {
            if (!json) print_header();
            return run_one(bench, options, json, false) ? 0 : 1;
        }
    }
    if (name.empty()) return 0;
    std::fprintf(stderr, "fogbench: no bench '%s'; fogbench alone lists them\n", name.c_str());
    return 64;
}
