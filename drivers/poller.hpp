#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "drivers/codec.hpp"

namespace fog {

/// One request on a bus and the shape of its reply.
struct Transaction {
    std::uint64_t id = 0;
    Bytes request;
    std::size_t reply_bytes = 0;  // expected length, 0 = until silence
    std::chrono::milliseconds timeout{500};
};

/// What became of a transaction.
struct Outcome {
    enum class Kind : std::uint8_t { reply, timeout, line_error } kind = Kind::reply;
    Bytes reply;
    std::string detail;
};

/// For devices that must be asked. A pure state machine: the bus executes, time is passed in.
class Poller {
public:
    virtual ~Poller() = default;
    virtual std::variant<Transaction, MonoTime> next(MonoTime now) = 0;  // or: idle until
    virtual void done(const Transaction& asked, const Outcome& outcome, MonoTime now,
                      Emit& out) = 0;
    virtual Result<void> submit(Command command) = 0;  // goes before the polls
};

}  // namespace fog
