#pragma once

// Test support: a listener with a hub on a port of its own, and clients with raw sockets.

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "firmware/core/boot_table.hpp"
#include "firmware/core/point_directory.hpp"
#include "firmware/http/http_rig.hpp"
#include "firmware/http/server.hpp"
#include "firmware/push/hub.hpp"
#include "firmware/push/routes.hpp"

namespace fog::rig {

inline constexpr std::uint64_t kEpoch = 0xABCDEF0123456789ULL;

/// A log in memory. Any thread.
class MemoryLog final : public LogReaders {
public:
    void append(const Record& record) {
        const std::lock_guard lock(mutex_);
        records_.push_back(record);
    }
    /// Gives up everything up to `seq`, as a byte budget would.
    void evict(Seq seq) {
        const std::lock_guard lock(mutex_);
        std::erase_if(records_, [&](const Record& record) { return record.seq <= seq; });
        evicted_ = seq;
    }
    Result<std::unique_ptr<LogReader>> open_reader() override {
        return std::unique_ptr<LogReader>(std::make_unique<Reader>(*this));
    }

private:
    class Reader final : public LogReader {
    public:
        explicit Reader(MemoryLog& log) : log_(log) {}
        Result<LogBounds> bounds() override {
            const std::lock_guard lock(log_.mutex_);
            if (log_.records_.empty()) return LogBounds{kEpoch, {}, {}};
            return LogBounds{kEpoch, log_.records_.front().seq, log_.records_.back().seq};
        }
        Result<LogPage> read(Seq after, Seq upto, std::size_t most, std::uint8_t) override {
            const std::lock_guard lock(log_.mutex_);
            LogPage page;
            page.last = after;
            if (after < log_.evicted_)
                page.missing.push_back({after, log_.evicted_, MissingReason::evicted,
                                        log_.evicted_.value - after.value, true});
            page.at_end = true;
            for (const Record& record : log_.records_) {
                if (record.seq <= after || (upto.value != 0 && record.seq > upto)) continue;
                if (page.records.size() == most) {
                    page.at_end = false;
                    break;
                }
                page.records.push_back(record);
                page.last = record.seq;
            }
            return page;
        }

    private:
        MemoryLog& log_;
    };
    std::mutex mutex_;
    std::vector<Record> records_;
    Seq evicted_;
};

/// Everything a stream needs, running on a thread of its own until destroyed.
class PushRig {
public:
    explicit PushRig(std::initializer_list<const TransportInfo*> transports,
                     const std::function<void(PushRig&)>& prepare = {}) {
        if (prepare) prepare(*this);
        boots.add({BootId{1}, MonoTime{}, clock->wall() - clock->mono().time_since_epoch(), true});
        for (std::uint32_t i = 1; i <= 2000; ++i)
            points.set({PointId{i}, i <= 1000 ? "boiler" : "pump", "p" + std::to_string(i), "Cel",
                        "", false});
        HubParts parts{loop,
                       limits,
                       *clock,
                       metrics,
                       tokens,
                       {"gw-test", &points, &boots},
                       &log,
                       [this](std::function<void()> job) { return server->run_on_api(std::move(job)); },
                       alarms};
        hub = std::make_unique<Hub>(std::move(parts));
        hub->reset({kEpoch, Seq{first_seq}});
        seq = first_seq;
        const std::vector<const TransportInfo*> list(transports);
        register_push_routes(router, *hub, list);
        HttpConfig config;
        config.gateway = "gw-test";
        server = std::make_unique<HttpServer>(
            HttpParts{loop, router, tokens, limits, metrics, assets}, config);
        port = server->listen("127.0.0.1", 0).value_or(0);
        thread = std::thread([this] { loop.run(); });
    }
    ~PushRig() {
        on_loop([this] {
            hub.reset();
            server->stop();
        });
        loop.stop();
        thread.join();
    }
    PushRig(const PushRig&) = delete;
    PushRig& operator=(const PushRig&) = delete;

    void on_loop(std::function<void()> work) {
        std::promise<void> done;
        loop.post([&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }
    Record sample(std::uint32_t point, double value) {
        Record record;
        record.seq = Seq{++seq};
        Sample one;
        one.point = PointId{point};
        one.value = value;
        one.boot = BootId{1};
        one.received = clock->mono();
        record.body = std::move(one);
        return record;
    }
    Record alarm(const std::string& name, const std::string& state) {
        Record record;
        record.seq = Seq{++seq};
        record.lane = Lane::alarm;
        Event event;
        event.kind = EventKind::alarm;
        event.channel = "alarms/boiler/" + name;
        event.device = "boiler";
        event.boot = BootId{1};
        event.received = clock->mono();
        event.members = "\"alarm\":\"" + name + "\",\"state\":\"" + state + "\"";
        record.body = std::move(event);
        return record;
    }
    /// Into the log, then to the hub, and waits until the hub had it.
    void publish(std::vector<Record> records) {
        for (const auto& record : records) log.append(record);
        auto batch = std::make_shared<const std::vector<Record>>(std::move(records));
        on_loop([&] { hub->publish(batch); });
    }
    std::string position(std::uint64_t at) const { return Position{kEpoch, Seq{at}}.text(); }
    std::string get(std::string_view target,
                    std::string_view extra = "Authorization: Bearer all\r\n") const {
        return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
               std::string(extra) + "\r\n";
    }

    EventLoop loop;
    Limits limits;
    SystemClock system;
    const Clock* clock = &system;  // `prepare` may set another
    Metrics metrics;
    Tokens tokens;
    MemoryLog log;
    PointDirectory points;
    BootTable boots;
    Router router;
    AlarmDesk* alarms = nullptr;
    std::span<const Asset> assets;
    std::uint64_t first_seq = 100;
    std::uint64_t seq = 0;  // last used
    std::unique_ptr<Hub> hub;
    std::unique_ptr<HttpServer> server;
    std::uint16_t port = 0;
    std::thread thread;
};

}  // namespace fog::rig
