#include "sim/world/plant.hpp"

#include <algorithm>

#include "firmware/core/text.hpp"

namespace fog::sim {
namespace {

constexpr SimTime kStep = std::chrono::milliseconds{100};

double per_step(SimTime tau) {
    // Implicit Euler: stable for every tau, and from a division instead of an exponential, whose
    // last bit differs between machines.
    const auto h = static_cast<double>(kStep.count());
    return h / (static_cast<double>(tau.count()) + h);
}

SimTime positive(ConfigView& view, std::string_view key) {
    if (!view.has(key)) {
        view.fault(key, "S0107", "'" + std::string(key) + "' is missing");
        return std::chrono::seconds{1};
    }
    const SimTime time = view.duration(key, std::chrono::seconds{1});
    if (time.count() > 0) return time;
    view.fault(key, "S0107", "'" + std::string(key) + "' must be more than zero");
    return std::chrono::seconds{1};
}

void read_terms(ConfigView& view, std::string_view gains, PlantSpec& spec,
                std::vector<Fault>& faults) {
    if (const Node* inputs = view.raw("input"); inputs != nullptr && inputs->is_table()) {
        for (const auto& [name, node] : *inputs->table()) {
            if (!node.number()) {
                faults.push_back({"S0107",
                                  node.pointer,
                                  node.mark,
                                  "input '" + name + "' begins with a number",
                                  {},
                                  false});
            }
            spec.terms.push_back({name, node.number().value_or(0), 0, spec.id + "." + name});
        }
    } else if (inputs != nullptr) {
        view.fault("input", "S0107", "'input' is a table: { door = 0 }");
    }
    if (gains.empty()) return;
    const Node* table = view.raw(gains);
    if (table == nullptr) return;
    if (!table->is_table()) {
        view.fault(gains, "S0107", "'" + std::string(gains) + "' is a table: { door = 40.0 }");
        return;
    }
    std::vector<std::string_view> known;
    for (const auto& term : spec.terms) known.emplace_back(term.input);
    for (const auto& [name, node] : *table->table()) {
        const auto same = [&name = name](const auto& term) { return term.input == name; };
        const auto found = std::find_if(spec.terms.begin(), spec.terms.end(), same);
        if (found == spec.terms.end()) {
            const auto near = nearest(name, known);
            faults.push_back({"S0104", node.pointer, node.mark, "no input '" + name + "'",
                              near ? "did you mean '" + std::string(*near) + "'?"
                                   : "inputs are named in 'input'",
                              false});
        } else if (!node.number()) {
            faults.push_back(
                {"S0107", node.pointer, node.mark, "'" + name + "' must be a number", {}, false});
        } else {
            found->gain = *node.number();
        }
    }
}

void read_motor(ConfigView& view, PlantSpec& spec, std::vector<Fault>& faults) {
    spec.tau = positive(view, "tau");
    spec.rated = view.number("rated", 1500);
    spec.ambient = view.number("ambient", 20);
    spec.heat = view.number("heat", 40);
    spec.load = view.number("load", 0);
    spec.heat_tau = view.duration("heat_tau", std::chrono::minutes{5});
    if (spec.heat_tau.count() <= 0) {
        view.fault("heat_tau", "S0107", "'heat_tau' must be more than zero");
    }
    read_terms(view, {}, spec, faults);
    for (const auto& [name, initial] :
         std::initializer_list<std::pair<const char*, double>>{{"demand", 0}, {"load", 0}}) {
        const auto same = [name = name](const auto& term) { return term.input == name; };
        if (std::none_of(spec.terms.begin(), spec.terms.end(), same)) {
            spec.terms.push_back({name, initial, 0, spec.id + "." + name});
        }
    }
}

}  // namespace

bool PlantSpec::has_output(std::string_view output) const {
    if (output.empty() || output == "x") return true;
    if (kind == PlantKind::motor && (output == "speed" || output == "temp")) return true;
    return std::any_of(terms.begin(), terms.end(),
                       [output](const Term& term) { return term.input == output; });
}

PlantSpec read_plant(const Node& node, std::vector<Fault>& faults) {
    ConfigView view(node, faults);
    PlantSpec spec;
    spec.id = view.required_text("id");
    if (!view.has("kind")) view.fault("kind", "S0107", "'kind' is missing");
    const std::string kind = view.choice("kind", "first_order", {"first_order", "tank", "motor"});
    spec.start = view.number("start", 0);
    if (kind == "first_order") {
        spec.tau = positive(view, "tau");
        spec.ambient = view.number("ambient", 0);
        read_terms(view, "gain", spec, faults);
    } else if (kind == "tank") {
        spec.kind = PlantKind::tank;
        spec.area = view.number("area", 1);
        spec.height = view.number("height", 1);
        if (!(spec.area > 0)) view.fault("area", "S0107", "'area' must be more than zero");
        if (!(spec.height > 0)) view.fault("height", "S0107", "'height' must be more than zero");
        read_terms(view, "flow", spec, faults);
    } else {
        spec.kind = PlantKind::motor;
        read_motor(view, spec, faults);
    }
    view.raw("count");
    view.raw("first");
    view.done();
    return spec;
}

Plants::Plants(std::vector<PlantSpec> specs, const Inputs& inputs) : inputs_(inputs) {
    plants_.reserve(specs.size());
    for (PlantSpec& spec : specs) {
        Plant plant;
        plant.x = spec.start;
        plant.temp = spec.ambient;
        plant.spec = std::move(spec);
        plants_.push_back(std::move(plant));
    }
}

std::optional<std::size_t> Plants::find(std::string_view id) const {
    for (std::size_t i = 0; i < plants_.size(); ++i) {
        if (plants_[i].spec.id == id) return i;
    }
    return std::nullopt;
}

std::vector<std::string_view> Plants::ids() const {
    std::vector<std::string_view> out;
    for (const Plant& plant : plants_) out.emplace_back(plant.spec.id);
    return out;
}

void Plants::step(Plant& plant, SimTime t) const {
    const PlantSpec& spec = plant.spec;
    const auto sum = [this, &spec, t] {
        double total = 0;
        for (const auto& term : spec.terms) {
            total = total + term.gain * inputs_.at(term.address, t, term.initial);
        }
        return total;
    };
    switch (spec.kind) {
        case PlantKind::first_order: {  // x' = (ambient + sum of gain * input - x) / tau
            const double target = spec.ambient + sum();
            plant.x = plant.x + (target - plant.x) * per_step(spec.tau);
            break;
        }
        case PlantKind::tank: {  // level' = flow / area
            plant.x = std::clamp(plant.x + sum() * 0.1 / spec.area, 0.0, spec.height);
            break;
        }
        case PlantKind::motor: {
            double demand = 0, load = 0;
            for (const auto& term : spec.terms) {
                const double now = inputs_.at(term.address, t, term.initial);
                if (term.input == "demand") demand = now;
                if (term.input == "load") load = now;
            }
            const double target = std::max(0.0, spec.rated * demand - spec.load * load);
            plant.x = plant.x + (target - plant.x) * per_step(spec.tau);
            const double share = spec.rated > 0 ? plant.x / spec.rated : 0;
            const double warm = spec.ambient + spec.heat * share * share;
            plant.temp = plant.temp + (warm - plant.temp) * per_step(spec.heat_tau);
            break;
        }
    }
}

double Plants::value(std::size_t index, std::string_view output, SimTime t) {
    Plant& plant = plants_[index];
    for (const auto& term : plant.spec.terms) {  // what a contact at the plant would say
        if (term.input == output) return inputs_.at(term.address, t, term.initial);
    }
    const std::int64_t wanted = std::max(t, SimTime{0}) / kStep;
    for (; plant.done < wanted; ++plant.done) step(plant, kStep * plant.done);
    return output == "temp" ? plant.temp : plant.x;
}

}  // namespace fog::sim
