#include "firmware/app/fogctl/arguments.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

#include "firmware/core/text.hpp"

namespace fog {
namespace {

class Parser {
public:
    Parser() {
        app_.require_subcommand(1);
        app_.set_version_flag("--version", FOG_VERSION);
        app_.fallthrough();  // common options may stand after the verb
        app_.add_option("--socket", out_.socket, "Control socket of the daemon")
            ->envname("FOGCTL_SOCKET")
            ->capture_default_str();
        app_.add_option("--url", out_.url, "Address of a box: http://host:port or https://host");
        app_.add_option("--token", out_.token, "Token for --url; better in FOGCTL_TOKEN")
            ->envname("FOGCTL_TOKEN");
        app_.add_flag("--json", out_.json, "Print JSON");
        add_plain();
        add_rules();
        add_uplink();
        add_config();
        add_token();
    }

    std::variant<Arguments, Leave> parse(const std::vector<std::string>& words) {
        try {
            app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));
        } catch (const CLI::ParseError& error) {
            std::ostringstream text;
            const bool help = app_.exit(error, text, text) == 0;
            return Leave{help ? Exit::good : Exit::usage, text.str()};
        }
        out_.verb = verb_of(app_);
        if (!ttl_.empty()) {
            const auto duration = parse_duration(ttl_);
            if (!duration) return Leave{Exit::usage, "--ttl: " + duration.error().what + "\n"};
            out_.ttl = std::chrono::duration_cast<std::chrono::seconds>(*duration).count();
        }
        return out_;
    }

private:
    static std::string verb_of(const CLI::App& app) {
        for (const CLI::App* one : app.get_subcommands()) {
            const std::string rest = verb_of(*one);
            return rest.empty() ? one->get_name() : one->get_name() + " " + rest;
        }
        return "";
    }
    static CLI::App* group(CLI::App& parent, const std::string& name, const std::string& text) {
        CLI::App* out = parent.add_subcommand(name, text);
        out->require_subcommand(1);
        return out;
    }

    void add_plain() {
        app_.add_subcommand("status", "What the box is doing");
        CLI::App* claim = group(app_, "claim", "Who owns the box");
        claim->add_subcommand("show", "The claim code of an unclaimed box");
        claim->add_subcommand("set", "Set the admin passphrase, read from standard input");
        claim->add_subcommand("reset", "Forget passphrase and tokens, make a new claim code");
        CLI::App* tail = app_.add_subcommand("tail", "Records as they come, one a line");
        tail->add_option("--device", out_.device, "Only of this device");
        CLI::App* log = group(app_, "log", "The log on the box");
        log->add_subcommand("position", "The position after the newest record");
        for (const auto& [verb, text] :
             {std::pair("stats", "Records and bytes by lane; of a folder: also what was written"),
              std::pair("verify", "Check every block and number of a log; needs no daemon"),
              std::pair("dump", "Records of a log, one a line; needs no daemon")}) {
            CLI::App* one = log->add_subcommand(verb, text);
            auto* path = one->add_option("folder", out_.folder, "State folder; holds log.db");
            if (one->get_name() == "stats") continue;
            path->required();
            if (one->get_name() == "verify") continue;
            one->add_option("--after", out_.after, "Only with higher numbers than this");
            one->add_option("--upto", out_.upto, "Only up to this number");
            one->add_option("--device", out_.device, "Only of this device");
        }
    }

    void add_rules() {
        CLI::App* rules = group(app_, "rules", "Rules");
        rules->add_subcommand("list", "All rules and their state");
        rules->add_subcommand("show", "One rule")->add_option("id", out_.id)->required();
        rules->add_subcommand("check", "Check a rule file without saving it")
            ->add_option("file", out_.file)
            ->required();
        CLI::App* put = rules->add_subcommand("put", "Save a rule file on the box");
        put->add_option("file", out_.file)->required();
        put->add_option("--id", out_.id, "Name of the rule; left out: the name of the file");
        rules->add_subcommand("rm", "Remove a rule")->add_option("id", out_.id)->required();
    }

    void add_uplink() {
        CLI::App* uplink = group(app_, "uplink", "Cloud ends");
        uplink->add_subcommand("status", "State and backlog")->add_option("id", out_.id);
        for (const auto& [verb, text] :
             {std::pair("ledger", "Accepted, acknowledged, waiting, shed and expired, exactly"),
              std::pair("pause", "Send nothing until resumed"), std::pair("resume", "Send again")})
            uplink->add_subcommand(verb, text)->add_option("id", out_.id)->required();
    }

    void add_config() {
        CLI::App* check = group(app_, "config", "Configuration files")
                              ->add_subcommand("check", "Check files; needs no daemon");
        out_.file = "/etc/fogline";
        check->add_option("path", out_.file, "Folder, main file or one object file");
        check->add_flag("--strict", out_.strict, "Warnings count");
    }

    void add_token() {
        CLI::App* token = group(app_, "token", "Tokens for programs");
        CLI::App* create = token->add_subcommand("create", "Make a token; it is shown once");
        create->add_option("--name", out_.name, "For people");
        create->add_option("--scope", out_.scopes, "read:live, read:history, ingest ...")
            ->required();
        create->add_option("--subscribe", out_.subscribe, "Channel patterns; left out: all");
        create->add_option("--ttl", ttl_, "For example \"30 d\"; left out: until revoked");
        token->add_subcommand("list", "All tokens, without their secrets");
        token->add_subcommand("revoke", "End a token at once")
            ->add_option("id", out_.id)
            ->required();
    }

    CLI::App app_{"Talks to foglined, the daemon of a Fogline gateway.", "fogctl"};
    Arguments out_;
    std::string ttl_;
};

}  // namespace

std::variant<Arguments, Leave> parse_arguments(const std::vector<std::string>& words) {
    return Parser().parse(words);
}

}  // namespace fog
