#include "drivers/mqtt/dialects/json_records.hpp"
#include "drivers/mqtt/dialects/topics.hpp"

namespace fog {
namespace {

/// Any object or array of objects, by names and shapes alone.
class JsonDialect final : public Dialect {
public:
    explicit JsonDialect(const Limits& limits) : limits_(limits), reader_(limits) {}

    Claimed claim(std::string_view /*topic*/, std::span<const std::byte> head) const override {
        const auto text = as_text(head);
        const auto start = text.find_first_not_of(" \t\r\n");
        if (start == std::string_view::npos) return {};
        if (text[start] == '{') return {Claim::possible, "The payload is a JSON object."};
        if (text[start] == '[') return {Claim::possible, "The payload is a JSON array."};
        return {};
    }

    void decode(const Message& message, const Context& /*context*/, Emit& out) const override {
        const auto place = place_of_object(message.topic);
        std::size_t left = limits_.samples_per_message;
        std::size_t found = 0;
        std::string problem;
        const auto result = reader_.read(message.payload, [&](std::size_t, JsonRecord& record) {
            if (!record.problem.empty()) problem = "an array element is " + record.problem;
            found += record.points.size();
            emit(message, place.device, record, left, out);
        });
        if (!result) return out.raw(message.payload, result.error().what);
        if (found == 0)
            return out.raw(message.payload, problem.empty() ? "no named values" : problem);
        if (!problem.empty()) out.left_out(problem);
        if (found > limits_.samples_per_message)
            out.left_out("more than " + std::to_string(limits_.samples_per_message) +
                         " values in a message");
    }

    Result<std::pair<std::string, Bytes>> encode(const Command& command) const override {
        return Error{
            Errc::bad_request, command.device_key + ": generic JSON devices take no commands", {}};
    }

private:
    static std::string key_of(const JsonRecord& record, const std::string& base) {
        if (record.device.empty()) return "json:" + base;
        if (record.device_local) return "json:" + base + "/" + record.device;
        return "json:" + record.device;
    }

    static void emit(const Message& message, const std::string& base, JsonRecord& record,
                     std::size_t& left, Emit& out) {
        const auto key = key_of(record, base);
        for (auto& point : record.points) {
            if (left == 0) break;
            --left;
            Reading reading;
            reading.device_key = key;
            reading.point = std::move(point.name);
            reading.value = std::move(point.value.value);
            reading.quality = point.value.quality;
            apply_unit(reading, point.unit);
            apply_live_time(reading, record.time, message);
            out.reading(std::move(reading));
        }
        for (const auto& what : record.left_out) out.left_out(what);
    }

    Limits limits_;
    mutable JsonReader reader_;  // buffers only; decode() is a function of its arguments
};

std::unique_ptr<Dialect> make(const Limits& limits) {
    return std::make_unique<JsonDialect>(limits);
}

}  // namespace

extern const DialectInfo json_dialect;
const DialectInfo json_dialect{
    .name = "json",
    .summary = "Any JSON object: flattened, units guessed by name",
    .schema = R"({"type":"object","additionalProperties":false,"properties":{}})",
    .make = make};

}  // namespace fog
