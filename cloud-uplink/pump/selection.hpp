#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/core/node.hpp"
#include "firmware/core/point_directory.hpp"
#include "firmware/core/records.hpp"

namespace fog {

/// Which records a sink takes; asked when a record is committed (its bit in Record::sinks).
/// Thread: any, it never changes once read. Blocks: never. For samples the answer depends only on
/// the point, the lane and flag::kSimulated, so that the caller may keep it per PointId.
class Selection {
public:
    /// Reads `lanes`, `devices`, `points`, `exclude`, `events`, `diagnostics`, `simulated`; faults
    /// go to the view.
    static Selection read(ConfigView& config);

    /// `point` may be null (a point nobody knows): then only a selection without globs takes it.
    bool takes(const Record& record, const PointInfo* point) const;
    bool takes_point(const PointInfo& point) const;
    bool takes_simulated() const { return simulated_; }
    bool takes_lane(Lane lane) const { return ((lanes_ >> static_cast<unsigned>(lane)) & 1U) != 0; }

private:
    bool takes_device(std::string_view device) const;

    std::uint8_t lanes_ = 0x0F;
    std::uint16_t events_ = 0;  // bit per EventKind
    std::vector<std::string> devices_;
    std::vector<std::string> points_;   // "device/point"
    std::vector<std::string> exclude_;  // the same, or a device alone
    bool diagnostics_ = false;
    bool simulated_ = false;
};

}  // namespace fog
