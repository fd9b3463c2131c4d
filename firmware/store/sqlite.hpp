#pragma once

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/core/reading.hpp"
#include "firmware/core/result.hpp"

namespace fog::sqlite {

/// A prepared statement, bound and stepped in place. Thread: its connection's.
class Statement {
public:
    Statement() = default;
    explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

    /// Starts over with these parameters, in order.
    template <class... Args>
    Statement& with(const Args&... args) {
        reset();
        int index = 0;
        (bind(++index, args), ...);
        return *this;
    }
    /// Steps to the next row; false at the end. Resets itself at the end and on failure.
    Result<bool> row();
    /// Steps a statement that gives no rows.
    Result<void> run();
    void reset();

    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
    std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    sqlite3_stmt* raw() const { return handle_.get(); }
    bool null(int column) const {
        return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
    }
    /// Views are valid until the next step.
    std::string_view text(int column) const;
    std::span<const std::byte> blob(int column) const;
    Bytes bytes(int column) const {
        const auto view = blob(column);
        return {view.begin(), view.end()};
    }

private:
    void bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_.get(), index, value); }
    void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, unsigned value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, std::string_view value);
    void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
    void bind(int index, const char* value) { bind(index, std::string_view(value)); }
    void bind(int index, std::span<const std::byte> value);
    void bind(int index, const Bytes& value) { bind(index, std::span<const std::byte>(value)); }

    struct Finalize {
        void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// A connection. Thread: one at a time. Errors: storage_full for a full disk or database, busy for
/// a lock, storage_error for the rest; code() has SQLite's own number of the last failure.
class Connection {
public:
    enum class Mode : std::uint8_t { read_write, read_only };
    static Result<Connection> open(const std::filesystem::path& path, Mode mode);

    Result<void> exec(const char* sql);
    Result<Statement> prepare(std::string_view sql);
    /// First column of the first row as a number; 0 if there is no row.
    Result<std::int64_t> number(std::string_view sql);
    Result<std::string> text(std::string_view sql);
    int code() const { return sqlite3_extended_errcode(handle_.get()); }
    sqlite3* raw() const { return handle_.get(); }

private:
    friend class Transaction;
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    /// Of a transaction, prepared once: every read and every commit has one.
    enum class Word : std::uint8_t { begin, begin_writing, commit, rollback };
    Result<void> say(Word word);

    std::unique_ptr<sqlite3, Close> handle_;
    std::array<Statement, 4> words_;
};

/// The connection's last failure as an Error.
Error failure(sqlite3* handle, std::string_view doing);
/// Whether SQLite's code says that the file itself is damaged.
bool is_damage(int code);

/// Rolls back unless committed.
class Transaction {
public:
    /// Takes the write lock at once, or only a snapshot for reading.
    static Result<Transaction> begin(Connection& db, bool write = true);
    Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Result<void> commit();

private:
    explicit Transaction(Connection& db) : db_(&db) {}
    Connection* db_;
};

}  // namespace fog::sqlite
