#include "firmware/store/sqlite.hpp"

#include <cerrno>
#include <system_error>

namespace fog::sqlite {

Error failure(sqlite3* handle, std::string_view doing) {
    const int code = sqlite3_extended_errcode(handle);
    std::string what = "log: " + std::string(doing) + ": " + sqlite3_errmsg(handle);
    if ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN)
        if (const int error = sqlite3_system_errno(handle); error != 0)
            what += " (" + std::generic_category().message(error) + ")";
    switch (code & 0xFF) {
        case SQLITE_FULL:
            return Error{Errc::storage_full, std::move(what), {}};
        case SQLITE_BUSY:
            return Error{Errc::busy, std::move(what), {}};
        default:
            break;  // not an enum: everything else is a failure of the disk or the file
    }
    if (sqlite3_system_errno(handle) == ENOSPC && (code & 0xFF) == SQLITE_IOERR)
        return Error{Errc::storage_full, std::move(what), {}};
    return Error{Errc::storage_error, std::move(what), {}};
}

bool is_damage(int code) {
    return (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
}

Result<bool> Statement::row() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        sqlite3_reset(handle_.get());
        return false;
    }
    auto error = failure(sqlite3_db_handle(handle_.get()), sqlite3_sql(handle_.get()));
    sqlite3_reset(handle_.get());
    return error;
}

Result<void> Statement::run() {
    auto stepped = row();
    if (!stepped) return std::move(stepped).error();
    if (*stepped) reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get());
}

std::string_view Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::span<const std::byte> Statement::blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_.get(), column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

// Bound memory is copied: what a caller passes need not outlive the statement's next step.
void Statement::bind(int index, std::string_view value) {
    sqlite3_bind_text64(handle_.get(), index, value.empty() ? "" : value.data(), value.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
}
void Statement::bind(int index, std::span<const std::byte> value) {
    static constexpr std::byte kNothing{};
    sqlite3_bind_blob64(handle_.get(), index, value.empty() ? &kNothing : value.data(),
                        value.size(), SQLITE_TRANSIENT);
}

Result<Connection> Connection::open(const std::filesystem::path& path, Mode mode) {
    const int flags = SQLITE_OPEN_NOMUTEX |
                      (mode == Mode::read_only ? SQLITE_OPEN_READONLY
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    Connection db;
    db.handle_.reset(handle);
    if (handle == nullptr) return Error{Errc::internal, "log: no memory for SQLite", {}};
    if (code != SQLITE_OK) return failure(handle, "open " + path.string());
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, 2000);
    return db;
}

Result<void> Connection::exec(const char* sql) {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        return failure(handle_.get(), sql);
    return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &handle, nullptr) != SQLITE_OK)
        return failure(handle_.get(), sql);
    return Statement(handle);
}

Result<std::int64_t> Connection::number(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return std::move(statement).error();
    auto row = statement->row();
    if (!row) return std::move(row).error();
    return *row ? statement->integer(0) : 0;
}

Result<std::string> Connection::text(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return std::move(statement).error();
    auto row = statement->row();
    if (!row) return std::move(row).error();
    return *row ? std::string(statement->text(0)) : std::string();
}

Result<void> Connection::say(Word word) {
    static constexpr std::array<const char*, 4> kTexts = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT",
                                                          "ROLLBACK"};
    const auto index = static_cast<std::size_t>(word);
    if (words_[index].raw() == nullptr) {
        auto prepared = prepare(kTexts[index]);
        if (!prepared) return std::move(prepared).error();
        words_[index] = std::move(*prepared);
    }
    return words_[index].run();
}

Result<Transaction> Transaction::begin(Connection& db, bool write) {
    auto begun = db.say(write ? Connection::Word::begin_writing : Connection::Word::begin);
    if (!begun) return std::move(begun).error();
    return Transaction(db);
}

Transaction::~Transaction() {
    // A failed statement may have rolled back already; then this one fails, harmlessly.
    if (db_ == nullptr) return;
    auto ignored = db_->say(Connection::Word::rollback);
    (void)ignored;
}

Result<void> Transaction::commit() {
    auto done = db_->say(Connection::Word::commit);
    if (done) db_ = nullptr;
    return done;
}

}  // namespace fog::sqlite
