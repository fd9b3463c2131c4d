#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/mqtt/dialects/readings.hpp"

namespace fog {

/// One value found in a JSON object, with the unit the payload declared for it, if any.
struct JsonPoint {
    std::string name;  // point id
    TextValue value;
    std::string unit;
};

/// One JSON object, flattened.
struct JsonRecord {
    std::string device;         // from id, device, mac ...; "" = not in the payload
    bool device_local = false;  // a short number, which means something on its topic only
    std::optional<WallTime> time;
    bool bad_time = false;  // a time was given and is none
    std::string problem;    // set: not an object, nothing below holds
    std::vector<JsonPoint> points;
    std::vector<std::string> left_out;  // "arrays of plain numbers: by_minute"
};

/// Reads the generic JSON of devices: an object, or an array of objects. Keeps its buffers from
/// call to call, so one reader serves one thread. Blocks: never. Does not throw.
class JsonReader {
public:
    explicit JsonReader(const Limits& limits);
    ~JsonReader();
    JsonReader(const JsonReader&) = delete;
    JsonReader& operator=(const JsonReader&) = delete;

    using Each = std::function<void(std::size_t index, JsonRecord& record)>;
    /// Calls `each` for every record (the one object is index 0). Errc::bad_frame says what is
    /// wrong and at which byte; `each` was then not called.
    Result<void> read(std::span<const std::byte> text, const Each& each);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fog
