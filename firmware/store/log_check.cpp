#include <string>
#include <system_error>

#include "firmware/store/block.hpp"
#include "firmware/store/log_open.hpp"
#include "firmware/store/segment.hpp"

namespace fog {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWholeCheck = 64U << 20U;  // larger files: small tables and newest blocks
constexpr int kNewestBlocks = 64;

/// As find_damage(), of the segments; all of them or each lane's newest.
std::string find_sealed_damage(sqlite::Connection& db, bool whole) {
    SegmentRows rows(db);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        for (Seq after;;) {
            auto head = whole ? rows.next(static_cast<Lane>(lane), after)
                              : rows.newest(static_cast<Lane>(lane));
            if (!head) return head.error().what;
            if (!*head) break;
            const auto damaged = rows.check(**head);
            if (!damaged) return damaged.error().what;
            if (*damaged > 0) return "a sealed block does not decode";
            after = (*head)->last;
            if (!whole) break;
        }
    return {};
}

}  // namespace

Result<std::string> find_damage(sqlite::Connection& db, const fs::path& path) {
    std::error_code ignored;
    const bool whole = fs::file_size(path, ignored) <= kWholeCheck;
    const auto ask = [&](const std::string& check) -> std::string {
        auto answer = db.text(check);
        if (!answer) return answer.error().what;
        return *answer == "ok" ? std::string() : *answer;
    };
    if (whole)
        if (auto wrong = ask("PRAGMA quick_check(1)"); !wrong.empty()) return wrong;
    if (!whole)
        for (const char* table : {"meta", "snapshot", "segment", "dead", "hole", "boot",
                                  "boot_span", "point", "device", "state"})
            if (auto wrong = ask("PRAGMA quick_check(" + std::string(table) + ")"); !wrong.empty())
                return wrong;
    auto rows = db.prepare("SELECT data FROM tail ORDER BY first_seq DESC LIMIT ?");
    if (!rows) return std::move(rows).error();
    rows->with(whole ? -1 : kNewestBlocks);
    for (;;) {
        auto row = rows->row();
        if (!row) return row.error().what;
        if (!*row) break;
        if (auto span = peek_block(rows->blob(0)); !span) return span.error().what;
    }
    return find_sealed_damage(db, whole);
}

}  // namespace fog
