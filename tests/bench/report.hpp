#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fog::bench {

enum class Verdict { at_most, at_least, ratio_at_most, ratio_at_least, none };

/// One measured case of a budget, or a number without one (id empty).
struct Line {
    std::string id;    // "B2"
    std::string name;  // "sse-1000"
    std::optional<double> value;
    std::string unit;
    std::optional<double> reference;  // measured in the same run
    double budget = 0;
    Verdict verdict = Verdict::none;  // none: measured, nothing to hold against
    std::string note;

    std::optional<double> ratio() const;
    std::optional<bool> ok() const;
};

/// A budget that could not be measured, and why.
Line unmeasured(std::string id, std::string name, std::string why);

void print(const Line& line, bool json);
void print_header();

double median(std::vector<double> values);
/// `part` in 0..1; 0 for no values.
double percentile(std::vector<double> values, double part);

}  // namespace fog::bench
