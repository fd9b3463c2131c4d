#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "firmware/app/fogctl/fogctl.hpp"

namespace {

/// A passphrase typed at a terminal is not shown.
class HiddenInput {
public:
    HiddenInput() {
        if (::isatty(STDIN_FILENO) == 0 || ::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        termios hidden = before_;
        hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
        if (changed_) std::cerr << "Passphrase: " << std::flush;
    }
    ~HiddenInput() {
        if (!changed_) return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::cerr << "\n";
    }
    HiddenInput(const HiddenInput&) = delete;
    HiddenInput& operator=(const HiddenInput&) = delete;

private:
    termios before_{};
    bool changed_ = false;
};

bool reads_passphrase(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "claim" && words[i + 1] == "set") return true;
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe ends `tail` as a failed write
    const std::vector<std::string> words(argv + 1, argv + argc);
    const fog::Streams streams{std::cin, std::cout, std::cerr};
    if (!reads_passphrase(words)) return static_cast<int>(fog::run_fogctl(words, streams));
    const HiddenInput hidden;
    return static_cast<int>(fog::run_fogctl(words, streams));
}
