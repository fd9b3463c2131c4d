// B11: the stripped program. B13: the page.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/bench/bench.hpp"
#include "tests/bench/proc.hpp"

namespace fog::bench {
namespace {

/// What a command prints, as a number; below zero when it failed.
double count_of(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"),
                                                               &::pclose);
    double value = -1;
    if (!pipe || std::fscanf(pipe.get(), "%lf", &value) != 1) return -1;
    return value;
}

Line binary(const Options& options) {
    Line line;
    line.id = "B11";
    line.name = "foglined";
    line.unit = "MB";
    line.budget = 6;
    line.verdict = Verdict::at_most;
    const WorkFolder folder(options.work);
    const std::string copy = (folder.path() / "stripped").string();
    const bool stripped =
        // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
        std::system(("strip -o '" + copy + "' '" + options.daemon.string() + "'").c_str()) == 0;
    const auto program = stripped ? std::filesystem::path(copy) : options.daemon;
    line.value = static_cast<double>(std::filesystem::file_size(program)) / 1e6;
    line.note = stripped ? "a copy, stripped here" : "not stripped: no strip program";
    return line;
}

Line page() {
    Line line;
    line.id = "B13";
    line.name = "page";
    line.unit = "kB";
    line.budget = 60;
    line.verdict = Verdict::at_most;
    const std::filesystem::path folder =
        std::filesystem::path(FOG_SOURCE_DIR) / "firmware/web/dist";
    std::ifstream in(folder / "index.html");
    const std::string document(std::istreambuf_iterator<char>(in), {});
    double sum = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
        // What comes before the first tile: the document, what it names, the stream's worker.
        const std::string name = file.path().filename().string();
        const bool first = name == "index.html" || name.starts_with("stream-worker") ||
                           (document.find(name) != std::string::npos && !name.ends_with(".svg"));
        if (!file.is_regular_file() || !first) continue;
        const double size = count_of("gzip -9c '" + file.path().string() + "' | wc -c");
        if (size < 0) return unmeasured("B13", "page", "no gzip program");
        sum += size;
    }
    line.value = sum / 1000;
    line.note = "first load, gzip -9; axe and 320 px: web.look";
    return line;
}

}  // namespace

std::vector<Line> bench_size(const Options& options) {
    return {binary(options), page()};
}

}  // namespace fog::bench
