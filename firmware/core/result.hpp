#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace fog {

/// What the caller can do about it; the text says what and where.
enum class Errc : std::uint8_t {
    bad_config,     // the operator must change a file or a request
    bad_frame,      // bytes from outside do not decode
    bad_request,    // a call with wrong arguments from outside
    not_found,      // the thing named does not exist
    conflict,       // exists already, or changed meanwhile
    timeout,        // no answer in time; may be tried again
    unreachable,    // no connection; may be tried again
    refused,        // the far side said no
    denied,         // missing permission
    busy,           // full or held by someone else; later
    storage_full,   // no room in the log or on the disk
    storage_error,  // the disk or the database failed
    internal,       // our own fault
};

std::string_view to_text(Errc code);

struct Error {
    Errc code = Errc::internal;
    std::string what;  // "modbus unit 7 reg 40001: no reply in 500 ms"
    std::string hint;  // what to do next; may be empty

    /// The same error with the place put in front: "rules.d/a.toml: ...".
    Error in(std::string_view where) &&;
    bool operator==(const Error&) const = default;
};

/// A value or an Error, with the calls of std::expected (C++23) that we use.
template <class T>
class [[nodiscard]] Result {
public:
    using value_type = T;
    // NOLINTNEXTLINE(google-explicit-constructor): `return value;` must work
    Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    // NOLINTNEXTLINE(google-explicit-constructor): `return Error{...};` must work
    Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

    bool has_value() const { return held_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    T& value() & {
        assert(has_value());
        return *std::get_if<0>(&held_);
    }
    const T& value() const& {
        assert(has_value());
        return *std::get_if<0>(&held_);
    }
    T&& value() && {
        assert(has_value());
        return std::move(*std::get_if<0>(&held_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    Error& error() & {
        assert(!has_value());
        return *std::get_if<1>(&held_);
    }
    const Error& error() const& {
        assert(!has_value());
        return *std::get_if<1>(&held_);
    }
    Error&& error() && {
        assert(!has_value());
        return std::move(*std::get_if<1>(&held_));
    }
    T value_or(T other) && { return has_value() ? std::move(*this).value() : std::move(other); }

private:
    std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;
    Result() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): `return Error{...};` must work
    Result(Error error) : error_(std::move(error)), ok_(false) {}

    bool has_value() const { return ok_; }
    explicit operator bool() const { return ok_; }
    Error& error() & {
        assert(!ok_);
        return error_;
    }
    const Error& error() const& {
        assert(!ok_);
        return error_;
    }
    Error&& error() && {
        assert(!ok_);
        return std::move(error_);
    }

private:
    Error error_;
    bool ok_ = true;
};

}  // namespace fog
