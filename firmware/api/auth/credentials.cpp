#include "firmware/api/auth/credentials.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "firmware/config/json.hpp"
#include "firmware/core/node.hpp"
#include "firmware/core/text.hpp"
#include "firmware/http/principal.hpp"

namespace fog {
namespace {

constexpr std::int64_t kVersion = 1;

Node text_node(std::string_view text) {
    return Node(Node::Data(std::string(text)));
}
Node integer_node(std::uint64_t value) {
    Node out;
    out.data = static_cast<std::int64_t>(value);
    return out;
}

Node texts_node(const std::vector<std::string>& texts) {
    Node::Array items;
    for (const std::string& text : texts) items.push_back(text_node(text));
    return Node(Node::Data(std::move(items)));
}

Node to_node(const Credential& credential) {
    Node out{Node::Data(Node::Table{})};
    out.set("id", integer_node(credential.id));
    if (credential.parent != 0) out.set("parent", integer_node(credential.parent));
    out.set("kind", text_node(to_text(credential.kind)));
    out.set("name", text_node(credential.name));
    out.set("hash", text_node(digest_hex(credential.hash)));
    out.set("last4", text_node(credential.last4));
    out.set("scopes", integer_node(credential.scopes));
    out.set("patterns", texts_node(credential.patterns));
    out.set("created", text_node(to_rfc3339(credential.created)));
    if (credential.expires) out.set("expires", text_node(to_rfc3339(*credential.expires)));
    const std::int64_t used = credential.last_used.load(std::memory_order_relaxed);
    if (used != 0) out.set("last_used", integer_node(static_cast<std::uint64_t>(used)));
    return out;
}

// A clock nobody believes can't say how long a credential has left: expired() then asks it again.
std::optional<MonoTime> deadline_of(const std::optional<WallTime>& expires, const Clock& clock) {
    if (!expires || !clock.trusted()) return std::nullopt;
    return clock.mono() + (*expires - clock.wall());
}

CredentialPtr read_credential(ConfigView view, const Clock& clock) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    auto out = std::make_shared<Credential>();
    out->id = static_cast<std::uint64_t>(view.integer("id", 0, 1, kMost));
    out->parent = static_cast<std::uint64_t>(view.integer("parent", 0, 0, kMost));
    const std::string kind = view.choice("kind", "", {"session", "token", "stream"});
    if (kind == "session") out->kind = CredentialKind::session;
    if (kind == "stream") out->kind = CredentialKind::stream;
    out->name = view.text("name");
    if (const auto hash = parse_digest(view.required_text("hash")))
        out->hash = *hash;
    else
        view.fault("hash", "E0004", "is not a hash");
    out->last4 = view.text("last4");
    out->scopes = static_cast<std::uint32_t>(view.integer("scopes", 0, 0, scope::kAll));
    out->patterns = view.texts("patterns");
    out->created = parse_rfc3339(view.text("created")).value_or(WallTime{});
    if (view.has("expires")) {
        out->expires = parse_rfc3339(view.required_text("expires"));
        if (!out->expires) view.fault("expires", "E0004", "is not a time");
        out->deadline = deadline_of(out->expires, clock);
    }
    out->last_used = view.integer("last_used", 0, 0, kMost);
    view.done();
    return out;
}

}  // namespace

std::string_view to_text(CredentialKind kind) {
    switch (kind) {
        case CredentialKind::session:
            return "session";
        case CredentialKind::token:
            return "token";
        case CredentialKind::stream:
            return "stream";
    }
    return "token";
}

void AuthState::add(CredentialPtr credential) {
    by_hash[credential->hash] = credential;
    by_id[credential->id] = credential;
    credentials.push_back(std::move(credential));
}

bool AuthState::remove(std::uint64_t id) {
    const std::size_t before = credentials.size();
    std::erase_if(credentials, [&](const CredentialPtr& one) {
        if (one->id != id && one->parent != id) return false;
        by_hash.erase(one->hash);
        by_id.erase(one->id);
        return true;
    });
    return credentials.size() != before;
}

void AuthState::remove_expired(const Clock& clock) {
    std::vector<std::uint64_t> gone;
    for (const CredentialPtr& one : credentials) {
        if (one->expired(clock)) gone.push_back(one->id);
    }
    for (const std::uint64_t id : gone) remove(id);
}

std::size_t AuthState::count(CredentialKind kind, std::uint64_t parent) const {
    return static_cast<std::size_t>(
        std::count_if(credentials.begin(), credentials.end(), [&](const CredentialPtr& one) {
            return one->kind == kind && (parent == 0 || one->parent == parent);
        }));
}

std::string write_auth_state(const AuthState& state) {
    Node root{Node::Data(Node::Table{})};
    root.set("version", integer_node(kVersion));
    root.set("admin", text_node(state.admin_hash));
    root.set("next_id", integer_node(state.next_id));
    Node::Array credentials;
    for (const CredentialPtr& one : state.credentials) credentials.push_back(to_node(*one));
    root.set("credentials", Node(Node::Data(std::move(credentials))));
    return write_json(root) + "\n";
}

Result<AuthState> read_auth_state(std::string_view text, const Clock& clock) {
    std::vector<Fault> faults;
    AuthState state;
    const auto root = parse_json(text, faults, {.bytes = 4U << 20U});
    if (root && !root->is_table())
        faults.push_back({"E0002", "", {}, "is not an object", {}, false});
    if (root && faults.empty()) {
        ConfigView view(*root, faults);
        (void)view.integer("version", 0, kVersion, kVersion);
        state.admin_hash = view.text("admin");
        state.next_id = static_cast<std::uint64_t>(
            view.integer("next_id", 1, 1, std::numeric_limits<std::int64_t>::max()));
        for (const ConfigView& one : view.tables("credentials"))
            state.add(read_credential(one, clock));
        view.done();
    }
    if (faults.empty()) return state;
    return Error{Errc::storage_error, to_text(faults.front()), {}};
}

}  // namespace fog
