#include "firmware/store/sink_log.hpp"

#include <algorithm>
#include <optional>

#include "firmware/store/block.hpp"
#include "firmware/store/log_writer.hpp"

namespace fog {
namespace {

constexpr std::size_t kScan = 2'000;  // records looked at in one read transaction

class StoredSink final : public SinkLog {
public:
    StoredSink(LogScan scan, const SinkAccount& account, std::shared_ptr<Published> published,
               std::shared_ptr<StoreQueue> queue, std::shared_ptr<SinkDoor> door)
        : scan_(std::move(scan)),
          id_(account.id),
          bit_(account.bit),
          published_(std::move(published)),
          queue_(std::move(queue)),
          door_(std::move(door)) {
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            lanes_[lane].progress = account.lanes[lane].progress;
    }

    Result<std::vector<Record>> owed(Lane lane, Seq after, std::size_t most) override {
        std::vector<Record> out;
        if (door_->removed.load() || most == 0) return out;
        take_reopened();
        if (auto done = add_resends(lane, after, out); !done) return std::move(done).error();
        if (auto done = add_logged(lane, after, most, out); !done) return std::move(done).error();
        std::sort(out.begin(), out.end(),
                  [](const Record& a, const Record& b) { return a.seq < b.seq; });
        out.erase(std::unique(out.begin(), out.end(),
                              [](const Record& a, const Record& b) { return a.seq == b.seq; }),
                  out.end());
        if (out.size() > most) out.resize(most);
        Side& side = lanes_[static_cast<std::size_t>(lane)];
        for (const Record& record : out) {
            // Between the one before it and itself nothing else is owed.
            side.issued.try_emplace(side.issued.end(), record.seq,
                                    Issued{before(record), ledger_bytes(record),
                                           record.is_sample() ? record.sample().point : PointId{}});
        }
        return out;
    }

    Seq cursor(Lane lane) override {
        const auto view = published_->view();
        const SinkAccount* account = view.state ? view.state->find(id_) : nullptr;
        return account ? account->lane(lane).progress.cursor() : Seq{};
    }
    Seq head() override { return published_->committed(); }

    void settle(std::vector<Settled> outcomes) override {
        SettleBatch batch;
        batch.sink = id_;
        std::sort(outcomes.begin(), outcomes.end(),
                  [](const Settled& a, const Settled& b) { return a.seq < b.seq; });
        for (Settled& outcome : outcomes) {
            Side& side = lanes_[static_cast<std::size_t>(outcome.lane)];
            const auto issued = side.issued.find(outcome.seq);
            if (issued == side.issued.end()) continue;  // said twice, or never handed out
            side.progress.add(issued->second.after, outcome.seq);
            batch.outcomes.push_back(
                {outcome.refused ? SettledOne::What::refused : SettledOne::What::acknowledged,
                 outcome.lane, issued->second.after, outcome.seq, issued->second.bytes,
                 issued->second.point, std::move(outcome.reason)});
            side.issued.erase(issued);
        }
        if (!batch.outcomes.empty()) queue_->settle(std::move(batch));
    }

    void wait(Seq seen, MonoTime until) override { published_->wait(seen, until, door_->woken); }
    void wake() override {
        door_->woken.store(true);
        published_->wake();
    }

    SinkLedger ledger() override {
        const auto view = published_->view();
        const SinkAccount* account = view.state ? view.state->find(id_) : nullptr;
        return account ? to_ledger(*account) : SinkLedger{id_, {}, {}, {}};
    }

private:
    struct Issued {
        Seq after;
        std::uint64_t bytes = 0;
        PointId point;
    };
    struct Side {
        Progress progress;             // what was settled here, durable or not
        std::map<Seq, Issued> issued;  // handed out and not settled; bounded by the pump's window
        // Of the records being handed out: their number, the one before; ascending.
        std::vector<std::pair<Seq, Seq>> before;
    };

    Seq before(const Record& record) {
        auto& known = lanes_[static_cast<std::size_t>(record.lane)].before;
        const auto found =
            std::lower_bound(known.begin(), known.end(), record.seq,
                             [](const auto& each, Seq seq) { return each.first < seq; });
        const bool here = found != known.end() && found->first == record.seq;
        return here ? found->second : Seq{record.seq.value - 1};
    }

    void take_reopened() {
        const std::lock_guard lock(door_->mutex);
        for (const auto& [lane, seq] : door_->reopened)
            lanes_[static_cast<std::size_t>(lane)].progress.reopen(seq);
        door_->reopened.clear();
    }

    /// Records from the log. Skips what is settled; remembers what lies before each.
    Result<void> add_logged(Lane lane, Seq after, std::size_t most, std::vector<Record>& out) {
        Side& side = lanes_[static_cast<std::size_t>(lane)];
        side.before.clear();
        const auto mask = static_cast<std::uint8_t>(1U << static_cast<unsigned>(lane));
        Seq at = after, previous = after;
        std::size_t found = 0, look = most + 64;  // more where little of it is ours
        for (; found < most; look = std::min(look * 2, kScan)) {
            at = std::max(at, skip(side.progress, at));
            auto transaction = sqlite::Transaction::begin(scan_.db(), false);
            if (!transaction) return std::move(transaction).error();
            auto page = scan_.read(at, Seq{}, look, mask);
            if (!page) return std::move(page).error();
            for (Record& record : page->records) {
                if (((record.sinks >> bit_) & 1U) == 0) continue;
                const Seq seq = record.seq;
                if (!side.progress.done(seq)) {
                    side.before.emplace_back(seq, previous);
                    out.push_back(std::move(record));
                    ++found;
                }
                previous = seq;
                if (found == most) return {};
            }
            at = page->last;
            if (page->at_end) break;
        }
        if (found < most) nothing_owed(lane, previous, at);
        return {};
    }

    static Seq skip(const Progress& progress, Seq at) {
        if (at < progress.cursor()) return progress.cursor();
        for (const auto& range : progress.ranges())
            if (range.from <= at && at < range.to) return range.to;
        return at;
    }

    /// Lets the cursor pass over what is other sinks' business, so that nobody reads it again.
    void nothing_owed(Lane lane, Seq after, Seq upto) {
        Side& side = lanes_[static_cast<std::size_t>(lane)];
        if (upto <= after || side.progress.covers(after, upto) || !side.issued.empty()) return;
        if (after > side.progress.cursor()) return;  // would only make a range
        side.progress.add(after, upto);
        queue_->settle({id_, {{SettledOne::What::nothing_owed, lane, after, upto, 0, {}, {}}}});
    }

    /// Dead letters that are owed again; they may have left the log.
    Result<void> add_resends(Lane lane, Seq after, std::vector<Record>& out) {
        if (resends_.raw() == nullptr) {
            auto prepared = scan_.db().prepare(
                "SELECT data FROM dead WHERE sink = ? AND resend = 1 AND lane = ? AND seq > ?");
            if (!prepared) return std::move(prepared).error();
            resends_ = std::move(*prepared);
        }
        resends_.with(id_, static_cast<int>(lane), after.value);
        for (;;) {
            auto row = resends_.row();
            if (!row) return std::move(row).error();
            if (!*row) return {};
            auto record = unpack_record(resends_.blob(0));
            if (record && !lanes_[static_cast<std::size_t>(lane)].progress.done(record->seq))
                out.push_back(std::move(*record));
        }
    }

    LogScan scan_;
    const std::string id_;
    const std::uint8_t bit_;
    const std::shared_ptr<Published> published_;
    const std::shared_ptr<StoreQueue> queue_;
    const std::shared_ptr<SinkDoor> door_;
    std::array<Side, kLanes> lanes_;
    sqlite::Statement resends_;
};

}  // namespace

Result<std::unique_ptr<SinkLog>> open_sink_log(const std::filesystem::path& path,
                                               const SinkAccount& account,
                                               std::shared_ptr<Published> published,
                                               std::shared_ptr<StoreQueue> queue,
                                               std::shared_ptr<SinkDoor> door) {
    auto scan = LogScan::open(path, published);
    if (!scan) return std::move(scan).error();
    return std::unique_ptr<SinkLog>(std::make_unique<StoredSink>(
        std::move(*scan), account, std::move(published), std::move(queue), std::move(door)));
}

}  // namespace fog
