#pragma once

#include "firmware/core/pack.hpp"
#include "rules/language/program.hpp"
#include "rules/operator.hpp"

namespace fog {

/// Pieces of the state snapshot.
void save_value(Packer& state, const Value& value);
Value load_value(Unpacker& state);
void save_slot(Packer& state, const Slot& slot);
void load_slot(Unpacker& state, Slot& slot);
void save_verdict(Packer& state, const Verdict3& verdict);
void load_verdict(Unpacker& state, Verdict3& verdict);

}  // namespace fog
