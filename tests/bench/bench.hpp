#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "tests/bench/report.hpp"

namespace fog::bench {

struct Options {
    std::filesystem::path daemon;  // the foglined that is measured
    std::filesystem::path work;    // where folders are made; should be a real file system
    bool quick = false;            // shorter runs, fewer repetitions
};

struct Bench {
    std::string_view name;
    std::string_view summary;
    std::vector<Line> (*run)(const Options& options);
};

std::vector<Line> bench_size(const Options& options);      // B11, B13
std::vector<Line> bench_start(const Options& options);     // B12
std::vector<Line> bench_resident(const Options& options);  // B3, B10
std::vector<Line> bench_push(const Options& options);      // B1, B2
std::vector<Line> bench_ingest(const Options& options);    // B4
std::vector<Line> bench_rules(const Options& options);     // B6
std::vector<Line> bench_log(const Options& options);       // B8, B9
std::vector<Line> bench_ring(const Options& options);

}  // namespace fog::bench
