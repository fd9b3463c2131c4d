#include "sim/app/gateway_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "firmware/io/fd.hpp"
#include "firmware/io/files.hpp"
#include "firmware/io/logging.hpp"

namespace fog::sim {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 10s;  // after SIGTERM, then SIGKILL

}  // namespace

GatewayProcess::GatewayProcess(std::vector<std::string> words, std::filesystem::path log)
    : words_(std::move(words)),
      log_(std::move(log)),
      steps_("sim-gateway", 1'024, Overflow::refuse),
      thread_([this] { run(); }) {
    pthread_setname_np(thread_.native_handle(), "fog-sim-gw");
}

GatewayProcess::~GatewayProcess() {
    stopping_ = true;
    steps_.close();
    thread_.join();
}

void GatewayProcess::fault(const FaultSpec& fault, bool begins) {
    // As many wait as there can be faults.
    [[maybe_unused]] const bool taken = steps_.push({fault.kind, begins});
}

// One thread for the life of the object: the kernel ends the child with the thread that made it.
void GatewayProcess::run() {
    start();
    while (!stopping_) {
        if (const auto step = steps_.pop(200ms)) take(*step);
        look();
    }
    end(SIGTERM);
}

void GatewayProcess::take(const Step& step) {
    if (step.kind == FaultKind::stop_cont) {
        if (pid_ > 0) ::kill(pid_, step.begins ? SIGSTOP : SIGCONT);
        return;
    }
    if (step.kind == FaultKind::restart) {
        if (!step.begins || down_ > 0) return;
        end(SIGTERM);
        start();
        return;
    }
    down_ += step.begins ? 1 : -1;
    if (step.begins) {
        end(step.kind == FaultKind::kill9 ? SIGKILL : SIGTERM);
    } else if (down_ == 0) {
        start();
    }
}

void GatewayProcess::start() {
    if (pid_ > 0) return;
    std::vector<char*> argv;
    for (auto& word : words_) argv.push_back(word.data());
    argv.push_back(nullptr);
    const Fd out(::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    const pid_t parent = ::getpid();
    // A signal between fork and exec must not meet a handler of ours.
    sigset_t all, before, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = ::fork();
    if (child == 0) {
        // Only what is allowed between fork and exec.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);  // fogsim ended meanwhile
        for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::setpgid(0, 0);  // a Ctrl-C at the terminal is fogsim's to pass on
        if (out) ::dup2(out.get(), 1), ::dup2(out.get(), 2);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) {
        log_error("sim", "starting the gateway: " + errno_text(errno));
        return;
    }
    pid_ = child;
    ++starts_;
}

void GatewayProcess::end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::kill(pid_, SIGCONT);  // a stopped one could not hear it
    const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_.load(), 0)));
    pollfd wait{ended.get(), POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(kPatience / 1ms)) <= 0) {
        log_warning("sim", "the gateway does not end: killed");
        ::kill(pid_, SIGKILL);
    }
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

/// Whether it has ended by itself: said once, not started again.
void GatewayProcess::look() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return;
    log_error("sim", "the gateway has ended by itself, " +
                         (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "code " + std::to_string(WEXITSTATUS(status))) +
                         "; see " + log_.string());
    pid_ = 0;
}

}  // namespace fog::sim
