#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "rules/language/program.hpp"

// Any text either compiles into a bounded program that evaluates to something, or is refused with
// a fault that points into the text.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer fixes this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fog;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::vector<ScopeName> scope = {{"t", parse_unit("Cel"), "dev/t"},
                                          {"rh", parse_unit("%"), "dev/rh"},
                                          {"n", parse_unit(""), "dev/n"},
                                          {"door", any_unit(), ""}};
    const Limits limits;
    std::vector<ExprFault> faults;
    auto program = compile_expression(text, scope, limits, faults);
    if (program.has_value() != faults.empty()) std::abort();
    for (const ExprFault& fault : faults)
        if (fault.code.empty() || fault.detail.empty() || fault.at > text.size()) std::abort();
    if (!program) return 0;
    if (program->cost() > limits.evaluation_steps) std::abort();
    std::vector<Slot> slots(4);
    slots[0] = {21.5, Quality::good(), MonoTime{}, WallTime{}, true, true};
    slots[1] = {std::int64_t{40}, Quality::good(), MonoTime{}, WallTime{}, true, true};
    slots[3] = {std::string("Closed"), Quality::good(), MonoTime{}, WallTime{}, true, true};
    (void)program->run(slots, {MonoTime{}, std::nullopt});
    return 0;
}
