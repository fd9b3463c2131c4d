#include "firmware/core/boot_table.hpp"

#include <algorithm>

namespace fog {

void BootTable::add(const Line& line) {
    const std::lock_guard lock(mutex_);
    auto& lines = boots_[line.boot.value];
    const auto at =
        std::upper_bound(lines.begin(), lines.end(), line.mono,
                         [](MonoTime mono, const Line& other) { return mono < other.mono; });
    if (at != lines.begin() && std::prev(at)->mono == line.mono)
        *std::prev(at) = line;
    else
        lines.insert(at, line);
    if (lines.size() > 64) lines.erase(lines.begin() + 1);
}

std::optional<WallTime> BootTable::wall(BootId boot, MonoTime at, bool* trusted) const {
    const std::lock_guard lock(mutex_);
    const auto found = boots_.find(boot.value);
    if (found == boots_.end() || found->second.empty()) return std::nullopt;
    const auto& lines = found->second;
    // The first trusted line also dates what came before the clock was right.
    const Line* best = nullptr;
    for (const Line& line : lines) {
        if (line.mono <= at && (best == nullptr || line.trusted || !best->trusted)) best = &line;
        if (line.mono > at && line.trusted && (best == nullptr || !best->trusted)) {
            best = &line;
            break;
        }
    }
    if (best == nullptr) best = &lines.front();
    if (trusted != nullptr) *trusted = best->trusted;
    return best->utc + (at - best->mono);
}

std::vector<BootTable::Line> BootTable::lines() const {
    const std::lock_guard lock(mutex_);
    std::vector<Line> all;
    for (const auto& [boot, lines] : boots_) all.insert(all.end(), lines.begin(), lines.end());
    return all;
}

}  // namespace fog
