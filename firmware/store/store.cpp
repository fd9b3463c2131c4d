#include "firmware/store/store.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "firmware/core/thread_owned.hpp"
#include "firmware/store/log_open.hpp"
#include "firmware/store/log_reader.hpp"
#include "firmware/store/log_writer.hpp"
#include "firmware/store/open_history.hpp"
#include "firmware/store/schema.hpp"
#include "firmware/store/sink_log.hpp"
#include "firmware/store/store_queue.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

/// The lock that keeps a second process off the log, for the life of the object.
class FileLock {
public:
    static Result<FileLock> take(const fs::path& path) {
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0)
            return Error{
                Errc::storage_error,
                "log: cannot open " + path.string() + ": " + std::generic_category().message(errno),
                "the folder must exist, belong to this user and be writable"};
        FileLock lock(fd);
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
            return Error{Errc::busy, "log: " + path.string() + " is held by another process",
                         "stop the other daemon, or give this one its own state folder"};
        return lock;
    }
    FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileLock& operator=(FileLock&&) = delete;
    ~FileLock() {
        if (fd_ >= 0) ::close(fd_);
    }

private:
    explicit FileLock(int fd) : fd_(fd) {}
    int fd_;
};

StoreQueueOptions queue_options(const StoreOptions& options) {
    return {options.limits.store_queue_records,
            options.limits.store_queue_alarms,
            options.linger,
            options.waiter_window,
            options.most_waiters,
            options.commit_records,
            options.commit_bytes};
}

/// When the first record of a lane beyond `after` was received; bounded, so it may not be found.
std::optional<WallTime> first_after(LogReader& reader, Seq after, std::size_t lane,
                                    const BootTable& boots) {
    for (int page = 0; page < 4; ++page) {
        const auto got = reader.read(after, {}, 1, static_cast<std::uint8_t>(1U << lane));
        if (!got) return std::nullopt;
        if (!got->records.empty())
            return boots.wall(got->records[0].boot(), got->records[0].received());
        if (got->at_end) return std::nullopt;
        after = got->last;
    }
    return std::nullopt;
}

class Log final : public Store {
public:
    Log(StoreOptions options, FileLock lock, OpenedLog opened)
        : options_(std::move(options)),
          lock_(std::move(lock)),
          report_(std::move(opened.report)),
          writer_(std::move(opened.writer)),
          path_(options_.folder / "log.db"),
          queue_(std::make_shared<StoreQueue>(queue_options(options_))),
          published_(std::make_shared<Published>()),
          commit_time_(options_.metrics
                           ? &options_.metrics->histogram("fogline_store_commit_seconds", {},
                                                          "time of one group commit")
                           : nullptr) {
        seqs_.start(opened.next, opened.end);
        publish();
    }
    ~Log() override { stop(); }

    const OpenReport& opened() const override { return report_; }
    void start(CommitListener* listener) override;
    void stop() override;
    Appended append(StoreBatch batch) override;
    SeqSource& seqs() override { return seqs_; }
    void hurry(std::uint64_t entry) override { queue_->hurry(entry); }
    std::chrono::nanoseconds window() const override { return options_.waiter_window; }
    Result<void> flush() override;
    bool wait_room(std::size_t records, std::chrono::nanoseconds wait) override {
        return queue_->wait_room(records, wait);
    }

    Result<std::vector<PointRow>> points() override;
    Result<std::vector<DeviceRow>> devices() override;
    Result<std::vector<StateWrite>> state(std::string_view prefix) override;
    void add_boot_line(const BootTable::Line& line) override;

    Result<std::uint8_t> add_sink(std::string_view id) override;
    Result<void> remove_sink(std::string_view id, RemoveSink how) override;
    Result<std::unique_ptr<SinkLog>> open_sink(std::string_view id) override;
    std::vector<SinkLedger> ledgers() override;
    Result<std::vector<DeadLetter>> dead(std::string_view sink, Seq after,
                                         std::size_t most) override;
    Result<void> resend(std::string_view sink, Seq seq) override;
    Result<void> discard(std::string_view sink, Seq seq) override;

    StoreStatus status() const override;
    Result<std::unique_ptr<LogReader>> open_reader() override {
        return open_log_reader(path_, published_);
    }
    Result<std::unique_ptr<History>> open_history() override {
        assert(options_.boots != nullptr);
        return fog::open_history(path_, *options_.boots);
    }

private:
    using Time = StoreQueue::Time;

    void run();
    Work collect();
    void commit(Work& work);
    void succeeded(Work& work);
    void failed(Work& work, const Error& error);
    void seal(const std::function<bool()>& idle);
    void publish();
    std::shared_ptr<SinkDoor> door(std::string_view id);

    /// Runs `work` on fog-store after the commit of what is queued; inline before start().
    template <class T>
    Result<T> on_store(std::function<Result<T>()> work);

    const StoreOptions options_;
    const FileLock lock_;
    const OpenReport report_;
    std::unique_ptr<LogWriter> writer_;  // fog-store's while it runs
    const fs::path path_;
    const std::shared_ptr<StoreQueue> queue_;
    const std::shared_ptr<Published> published_;
    Histogram* const commit_time_;
    SeqSource seqs_;
    CommitListener* listener_ = nullptr;
    std::thread thread_;
    std::atomic<bool> running_{false};
    std::atomic<bool> stopped_{false};
    ThreadOwned owner_;
    Work held_;  // fog-store: what a failing disk did not take
    std::optional<Time> retry_at_;
    bool degraded_ = false;
    Error trouble_;
    std::atomic<std::uint64_t> ram_records_{0};
    std::mutex doors_mutex_;  // open_sink() and the dead letter calls come from different threads
    std::map<std::string, std::shared_ptr<SinkDoor>, std::less<>> doors_;
};

void Log::start(CommitListener* listener) {
    listener_ = listener;
    running_ = true;
    thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "fog-store");
        owner_.bind();
        run();
    });
}

void Log::stop() {
    if (stopped_.exchange(true)) return;
    queue_->close();
    if (thread_.joinable()) {
        thread_.join();
    } else {
        Work work = queue_->take(Time{});
        commit(work);
    }
    running_ = false;
    owner_.bind();
    // When the disk fails even now, the next start treats this stop as a crash.
    if (auto done = writer_->close(seqs_.next()); !done && listener_ != nullptr)
        listener_->degraded(true, done.error());
    publish();
    writer_.reset();
}

void Log::run() {
    for (;;) {
        const bool last = queue_->closed();
        Work work = collect();
        commit(work);
        if (last) return;
        seal([this] { return !queue_->due(); });
    }
}

/// Moves old rows into segments, piece by piece while nothing waits for a commit; under load one
/// piece a commit.
void Log::seal(const std::function<bool()>& idle) {
    if (degraded_) return;
    const auto segments = [this] {
        std::uint64_t n = 0;
        for (const auto& stock : writer_->memory().stock) n += stock.segments;
        return n;
    };
    const auto before = segments();
    while (writer_->seal_step() && idle()) continue;
    if (segments() != before) publish();
}

/// The next work; while degraded merged behind what is held, bounded in memory.
Work Log::collect() {
    Work work = queue_->take(retry_at_);
    if (!degraded_) return work;
    Work all = std::exchange(held_, Work{});
    all.merge(std::move(work));
    all.shrink(options_.ram_bytes);
    return all;
}

void Log::commit(Work& work) {
    const auto now = std::chrono::steady_clock::now();
    if (degraded_ && retry_at_ && now < *retry_at_ && !queue_->closed()) {
        failed(work, trouble_);
        return;
    }
    if (work.empty() && !degraded_) return succeeded(work);
    auto done = writer_->commit(work, seqs_);
    if (commit_time_ != nullptr)
        commit_time_->record(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - now).count());
    if (!done) {
        retry_at_ = now + std::chrono::duration_cast<Time::duration>(options_.retry);
        failed(work, done.error());
        return;
    }
    if (degraded_) {
        degraded_ = false;
        retry_at_.reset();
        published_->set_degraded(false, {});
        if (listener_ != nullptr) listener_->degraded(false, trouble_);
    }
    succeeded(work);
    writer_->tidy();
}

void Log::succeeded(Work& work) {
    ram_records_.store(0);
    publish();
    if (listener_ != nullptr) {
        const LogState& state = writer_->memory().state;
        listener_->committed({state.committed, state.ring_entry, work.lost});
    }
    for (auto& task : work.tasks) task({});
}

void Log::failed(Work& work, const Error& error) {
    auto tasks = std::exchange(work.tasks, {});
    if (!degraded_ || error.what != trouble_.what) {
        trouble_ = error;
        published_->set_degraded(true, error.what);
        if (listener_ != nullptr) listener_->degraded(true, error);
    }
    degraded_ = true;
    work.shrink(options_.ram_bytes);
    ram_records_.store(work.total());
    held_ = std::move(work);
    for (auto& task : tasks) task(error);
}

void Log::publish() {
    const LogMemory& memory = writer_->memory();
    std::array<Seq, kLanes> newest{};
    for (std::size_t lane = 0; lane < kLanes; ++lane) newest[lane] = memory.stock[lane].tail_newest;
    StoreStatus status = writer_->status();
    status.degraded = degraded_;
    if (degraded_) status.error = trouble_.what;
    published_->publish(memory.state, std::move(status), newest);
}

Appended Log::append(StoreBatch batch) {
    Appended out = queue_->append(std::move(batch));
    out.degraded = published_->degraded();
    return out;
}

template <class T>
Result<T> Log::on_store(std::function<Result<T>()> work) {
    if (stopped_) return Error{Errc::storage_error, "log: closed", {}};
    if (!running_) {
        auto done = work();
        publish();
        return done;
    }
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto result = promise->get_future();
    const bool queued = queue_->task([this, promise, work](const Result<void>& commit) {
        owner_.check();
        if (!commit) return promise->set_value(Result<T>(commit.error()));
        auto done = work();
        publish();  // before the caller goes on and looks
        promise->set_value(std::move(done));
    });
    if (!queued) return Error{Errc::storage_error, "log: closed", {}};
    return result.get();
}

Result<void> Log::flush() {
    if (!running_ && !stopped_) {
        Work work = queue_->take(Time{});
        commit(work);
        if (degraded_) return trouble_;
        seal([] { return true; });
        return {};
    }
    return on_store<void>([] { return Result<void>{}; });
}

Result<std::vector<PointRow>> Log::points() {
    return on_store<std::vector<PointRow>>([this] { return writer_->points(); });
}
Result<std::vector<DeviceRow>> Log::devices() {
    return on_store<std::vector<DeviceRow>>([this] { return writer_->devices(); });
}
Result<std::vector<StateWrite>> Log::state(std::string_view prefix) {
    return on_store<std::vector<StateWrite>>(
        [this, prefix = std::string(prefix)] { return writer_->state_rows(prefix); });
}

void Log::add_boot_line(const BootTable::Line& line) {
    if (options_.boots != nullptr) options_.boots->add(line);
    queue_->boot_line(line);
}

Result<std::uint8_t> Log::add_sink(std::string_view id) {
    // What was appended before is committed by then; what comes later is the new sink's.
    return on_store<std::uint8_t>([this, id = std::string(id)] {
        return writer_->add_sink(id, writer_->memory().state.committed);
    });
}

Result<void> Log::remove_sink(std::string_view id, RemoveSink how) {
    auto done =
        on_store<void>([this, id = std::string(id), how] { return writer_->remove_sink(id, how); });
    if (done) door(id)->removed = true;
    return done;
}

std::shared_ptr<SinkDoor> Log::door(std::string_view id) {
    const std::lock_guard lock(doors_mutex_);
    auto found = doors_.find(id);
    if (found == doors_.end())
        found = doors_.emplace(std::string(id), std::make_shared<SinkDoor>()).first;
    return found->second;
}

Result<std::unique_ptr<SinkLog>> Log::open_sink(std::string_view id) {
    // Through fog-store, so that what an earlier SinkLog settled is in the accounts it starts from.
    auto account = on_store<SinkAccount>([this, id = std::string(id)]() -> Result<SinkAccount> {
        const SinkAccount* found = writer_->memory().state.find(id);
        if (found == nullptr || found->use != SinkUse::active)
            return Error{Errc::not_found, "log: no sink '" + id + "'", {}};
        return *found;
    });
    if (!account) return std::move(account).error();
    auto fresh = std::make_shared<SinkDoor>();
    {
        const std::lock_guard lock(doors_mutex_);
        doors_.insert_or_assign(std::string(id), fresh);
    }
    return open_sink_log(path_, *account, published_, queue_, std::move(fresh));
}

std::vector<SinkLedger> Log::ledgers() {
    std::vector<SinkLedger> out;
    const auto view = published_->view();
    std::unique_ptr<LogReader> reader;  // opened where something waits
    for (const auto& sink : view.state->sinks) {
        SinkLedger& ledger = out.emplace_back(to_ledger(sink));
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            if (sink.lanes[lane].waiting.n == 0 || options_.boots == nullptr) continue;
            if (!reader) {
                auto opened = open_reader();
                if (!opened) return out;
                reader = std::move(*opened);
            }
            const auto since =
                first_after(*reader, sink.lanes[lane].progress.cursor(), lane, *options_.boots);
            if (since && (ledger.oldest_waiting == WallTime{} || *since < ledger.oldest_waiting))
                ledger.oldest_waiting = *since;
        }
    }
    return out;
}

Result<std::vector<DeadLetter>> Log::dead(std::string_view sink, Seq after, std::size_t most) {
    return on_store<std::vector<DeadLetter>>(
        [this, sink = std::string(sink), after, most] { return writer_->dead(sink, after, most); });
}

Result<void> Log::resend(std::string_view sink, Seq seq) {
    auto lane = on_store<Lane>(
        [this, sink = std::string(sink), seq] { return writer_->resend(sink, seq); });
    if (!lane) return std::move(lane).error();
    const auto to = door(sink);
    {
        const std::lock_guard lock(to->mutex);
        to->reopened.emplace_back(*lane, seq);
    }
    to->woken = true;
    published_->wake();
    return {};
}

Result<void> Log::discard(std::string_view sink, Seq seq) {
    return on_store<void>(
        [this, sink = std::string(sink), seq] { return writer_->discard(sink, seq); });
}

StoreStatus Log::status() const {
    StoreStatus out = published_->view().status;
    out.ram_records = ram_records_.load();
    out.queued_records = queue_->depth();
    return out;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
    if (options.clock == nullptr || options.kernel_boot.empty() || options.max_bytes < (1U << 20U))
        return Error{Errc::bad_config, "log: needs a clock, a boot id and at least 1 MiB", {}};
    if (options.limits.store_queue_records > 32'768 || options.sinks.size() > 16)
        return Error{Errc::bad_config, "log: at most 32,768 queued records and 16 sinks", {}};
    // What was held through a failure has to fit into the log in one commit.
    options.ram_bytes = std::min<std::size_t>(options.ram_bytes, options.max_bytes / 8);
    std::error_code failed;
    fs::create_directories(options.folder, failed);
    auto lock = FileLock::take(options.folder / "log.lock");
    if (!lock) return std::move(lock).error();
    auto opened = open_log(options);
    if (!opened) return std::move(opened).error();
    return std::unique_ptr<Store>(
        std::make_unique<Log>(std::move(options), std::move(*lock), std::move(*opened)));
}

}  // namespace fog
