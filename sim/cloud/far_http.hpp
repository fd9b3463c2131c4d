#pragma once

#include <deque>
#include <map>
#include <string>
#include <thread>

#include "sim/cloud/far_faults.hpp"
#include "sim/cloud/far_recorder.hpp"
#include "sim/net/http_request.hpp"
#include "sim/net/stream_loop.hpp"

namespace fog::sim {

/// A small HTTP/1.1 server that plays the cloud: records the body of every POST and PUT and
/// answers 200 `{"accepted":n}` once it is in the recorder's file. GET answers 200.
/// Threads: any calls set() and stop(); the rest its own `fog-sim-far`.
class FarHttp final : public FarSide, private StreamService {
public:
    static constexpr std::size_t kBodyBytes = 16U << 20U;

    FarHttp(FarRecorder& recorder, std::uint64_t seed, const std::string& name);
    ~FarHttp() override;
    Result<std::uint16_t> start(const std::string& address, std::uint16_t port);
    void set(const FaultSpec& fault, bool begins) override;
    void stop() override;
    std::uint64_t requests() const { return requests_.load(); }

private:
    struct Slow {
        std::uint64_t stream = 0;
        std::string rest;
        MonoTime next;
        SimTime step{};
        bool keep_alive = true;
    };
    void opened(Stream& stream, std::uint64_t listener) override;
    void heard(Stream& stream) override;
    void closed(Stream& stream) override;
    std::optional<MonoTime> due(MonoTime now) override;

    void serve(Stream& stream, const HttpRequest& request);
    bool refuse(Stream& stream, const HttpRequest& request);
    std::string accept(const HttpRequest& request, unsigned& status);
    void answer(Stream& stream, const HttpRequest& request, unsigned status,
                const std::string& body);

    FarRecorder& recorder_;
    FarFaults faults_;
    StreamLoop loop_;
    std::map<std::uint64_t, bool> busy_;  // streams: an answer is on its way, or never comes
    std::deque<Slow> slow_;
    std::atomic<std::uint64_t> requests_{0};
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace fog::sim
