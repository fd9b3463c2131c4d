#pragma once

#include "drivers/nanopb_frame/schema.hpp"
#include "drivers/proto/mcu_link.pb.h"
#include "firmware/core/result.hpp"
#include "firmware/core/value.hpp"

namespace fog::mcu {

struct Decoded {
    Value value;
    Quality quality;
};

/// The value of a sample or of a read-back in the point's unit: scaled, NaN and infinities made
/// null.
Decoded decode_value(const fog_mcu_Sample& sample, const PointInfo& point);
Decoded decode_value(const fog_mcu_CommandResult& result, const PointInfo& point);
/// Puts `value` into a command, scaled back. Errc::bad_request for null and long text.
Result<void> encode_value(const Value& value, const PointInfo& point, fog_mcu_Command& command);

}  // namespace fog::mcu
