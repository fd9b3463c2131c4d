#pragma once

#include <chrono>
#include <memory>

#include "rules/operator.hpp"

namespace fog {

/// `for` and `keep_for` around a truth: what makes an expression a condition.
std::unique_ptr<Operator> make_expr_condition(std::chrono::nanoseconds hold,
                                              std::chrono::nanoseconds keep);

}  // namespace fog
