#include "sim/record/scrub.hpp"

#include <algorithm>
#include <array>

namespace fog::sim {
namespace {

using nlohmann::json;

constexpr const char* kRemoved = "(removed)";

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool is_secret(std::string key) {
    std::transform(key.begin(), key.end(), key.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    static constexpr std::array<std::string_view, 10> kWords = {
        "password", "passwd",  "passphrase", "secret",        "token",
        "apikey",   "api_key", "credential", "authorization", "private_key"};
    return std::any_of(kWords.begin(), kWords.end(), [&key](std::string_view word) {
        return key.find(word) != std::string::npos;
    });
}

/// "mqtt://user:word@host" without who and the word.
std::string without_login(std::string text) {
    for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
        at += 3;
        const std::size_t end = text.find_first_of("/ \t\"'", at);
        const std::size_t login = text.substr(at, end - at).rfind('@');
        if (login == std::string::npos) continue;
        text.replace(at, login, kRemoved);
    }
    return text;
}

/// Identifiers of an expression outside of quotes, replaced where the table has them.
std::string with_names(std::string_view text, const std::map<std::string, std::string>& names) {
    const auto in_word = [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
    std::string out;
    char quote = 0;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (quote != 0 || !in_word(c)) {
            if (quote == 0 && (c == '"' || c == '\'' || c == '[')) {
                quote = c == '[' ? ']' : c;  // 30[Cel]: a unit
            } else if (c == quote) {
                quote = 0;
            }
            out += c;
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < text.size() && in_word(text[end])) ++end;
        const auto found = names.find(std::string(text.substr(i, end - i)));
        out += found != names.end() ? found->second : std::string(text.substr(i, end - i));
        i = end;
    }
    return out;
}

void rename_inputs(json& node, const std::map<std::string, std::string>& names) {
    if (node.is_string()) node = with_names(node.get<std::string>(), names);
    if (!node.is_structured()) return;
    for (auto& item : node.items()) {
        // What is not said in terms of inputs.
        if (item.key() == "op" || item.key() == "type" || item.key() == "point") continue;
        rename_inputs(item.value(), names);
    }
}

}  // namespace

void remove_secrets(json& node) {
    if (node.is_string()) node = without_login(node.get<std::string>());
    if (node.is_array()) {
        for (json& item : node) remove_secrets(item);
    }
    if (!node.is_object()) return;
    for (auto& item : node.items()) {
        if (is_secret(item.key()) && !item.value().is_structured())
            item.value() = kRemoved;
        else
            remove_secrets(item.value());
    }
}

std::string Namer::renamed(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size();) {
        if (!is_letter(name[i])) {
            out += name[i++];
            continue;
        }
        std::size_t end = i;
        while (end < name.size() && is_letter(name[end])) ++end;
        const auto [word, fresh] = words_.try_emplace(std::string(name.substr(i, end - i)));
        if (fresh) {
            // 1 = a, 26 = z, 27 = aa …
            for (std::size_t n = words_.size(); n > 0; n = (n - 1) / 26) {
                word->second.insert(0, 1, static_cast<char>('a' + (n - 1) % 26));
            }
        }
        out += word->second;
        i = end;
    }
    return out;
}

void Namer::rename(json& object, const char* key) {
    const auto found = object.find(key);
    if (found != object.end() && found->is_string()) *found = renamed(found->get<std::string>());
}

void Namer::record(json& line) {
    rename(line, "dev");
    rename(line, "pt");
    const auto value = line.find("v");
    if (value != line.end() && value->is_string()) *value = renamed(value->get<std::string>());
    line.erase("ch");
    const auto members = line.find("d");
    if (members == line.end() || !members->is_object()) return;
    json kept = json::object();
    for (const char* key : {"alarm", "occurrence", "change", "state", "stale", "severity", "level",
                            "pt", "v", "u", "limit", "rule", "version", "from"}) {
        if (const auto found = members->find(key); found != members->end()) kept[key] = *found;
    }
    for (const char* key : {"alarm", "occurrence", "pt", "rule"}) rename(kept, key);
    if (const auto v = kept.find("v"); v != kept.end() && v->is_string()) kept.erase(v);
    *members = std::move(kept);
}

void Namer::rule(json& line) {
    rename(line, "id");
    line.erase("by");
    const auto found = line.find("rule");
    if (found == line.end() || !found->is_object()) return;
    json& rule = *found;
    rule.erase("title");
    if (const auto bind = rule.find("bind"); bind != rule.end() && bind->is_object()) {
        rename(*bind, "device");
    }
    std::map<std::string, std::string> inputs;
    if (const auto old = rule.find("inputs"); old != rule.end() && old->is_object()) {
        json fresh = json::object();
        for (auto& item : old->items()) {
            const std::string name = "in" + std::to_string(inputs.size() + 1);
            inputs[item.key()] = name;
            if (item.value().is_object()) {
                const auto point = item.value().find("point");
                if (point != item.value().end() && point->is_string()) {
                    constexpr std::string_view kBound = "{device}";
                    const std::string text = point->get<std::string>();
                    *point = text.starts_with(kBound)
                                 ? std::string(kBound) + renamed(text.substr(kBound.size()))
                                 : renamed(text);
                }
            }
            fresh[name] = std::move(item.value());
        }
        rule.erase("inputs");
        rename_inputs(rule, inputs);
        rule["inputs"] = std::move(fresh);
    }
    const auto actions = rule.find("action");
    if (actions == rule.end() || !actions->is_array()) return;
    for (json& action : *actions) {
        if (!action.is_object()) continue;
        action.erase("text");
        action.erase("area");
        rename(action, "name");
        const auto point = action.find("point");
        if (point == action.end() || !point->is_string()) continue;
        constexpr std::string_view kBound = "{device}";
        const std::string text = point->get<std::string>();
        *point = text.starts_with(kBound)
                     ? std::string(kBound) + renamed(text.substr(kBound.size()))
                     : renamed(text);
    }
}

void Namer::apply(json& line) {
    const std::string kind = line.value("k", "");
    if (kind == "case") {
        line["gateway"] = "gw";
        line["names"] = "removed";
    }
    if (kind == "record") record(line);
    if (kind == "rule") rule(line);
    if (kind == "alarm") rename(line, "alarm");
}

}  // namespace fog::sim
