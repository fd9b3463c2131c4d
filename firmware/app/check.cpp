#include "firmware/app/check.hpp"

#include "cloud-uplink/pump/pump.hpp"
#include "drivers/link/link.hpp"
#include "firmware/app/mqtt_server.hpp"
#include "firmware/core/limits.hpp"
#include "rules/engine/engine.hpp"

namespace fog {
namespace {

const SystemClock kClock;

void check_object(std::string_view kind, const ObjectConfig& object, std::vector<Fault>& faults) {
    static const Limits kLimits;
    if (kind == "uplink") {
        check_uplink(object.id, object.node, kLimits, faults);
        return;
    }
    if (kind == "port" || kind == "source") {
        Node node = object.node;
        node.set("id", Node(Node::Data(object.id), object.node.mark));
        if (kind == "source")
            node.set("type", Node(Node::Data(std::string("mqtt")), object.node.mark));
        [[maybe_unused]] const auto made = make_link(node, kClock, faults);
        return;
    }
    if (kind != "rule") return;
    const PointDirectory points;
    Metrics metrics;
    const RuleEngine engine(points, kLimits, metrics);
    const auto found = engine.check(object.id, object.node);
    faults.insert(faults.end(), found.begin(), found.end());
}

}  // namespace

ConfigReport check_everything(const std::filesystem::path& path) {
    ConfigReport report = check_config(path, check_object);
    if (!report.tls) return report;
    const auto made = TlsServer::make(tls_settings(*report.tls));
    if (!made)
        report.faults.push_back(
            {"E0023", "", report.tls->mark, made.error().what, made.error().hint, false});
    else if (kClock.wall() > (*made)->valid_until())
        report.faults.push_back({"E0023", "", report.tls->mark, expired_text(**made, *report.tls),
                                 std::string(kRenewHint), true});
    return report;
}

}  // namespace fog
