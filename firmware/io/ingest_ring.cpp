#include "firmware/io/ingest_ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include "firmware/core/crc32c.hpp"
#include "firmware/io/fd.hpp"
#include "firmware/io/files.hpp"

namespace fog {
namespace {

constexpr std::array<char, 8> kMagic = {'F', 'O', 'G', 'R', 'I', 'N', 'G', '1'};
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::uint8_t kSkip = 0;  // kind of an entry that only fills up to the end
constexpr std::size_t kReleasePages = 64U << 10U;

// Where the oldest entry still needed stands. Two copies are written in turn, so that a kill in
// the middle of one leaves the other.
struct Tail {
    std::uint64_t position = 0;  // bytes ever written before it; offset = position % size
    std::uint64_t number = 1;    // of the entry there
    std::uint32_t crc = 0;
    std::uint32_t unused = 0;

    std::uint32_t computed_crc() const {
        return crc32c(std::as_bytes(std::span(this, 1)).first(offsetof(Tail, crc)));
    }
};

struct Header {
    std::array<char, 8> magic;
    std::uint64_t size;  // of the entry area
    std::array<char, 40> kernel_boot;
    std::array<Tail, 2> tails;
};
static_assert(sizeof(Header) <= kHeaderBytes);

struct Entry {
    std::uint32_t bytes;  // whole entry, multiple of 8
    std::uint32_t crc;    // over all that follows this field, without the padding
    std::uint64_t number;
    std::int64_t received_ns;
    std::uint8_t kind;
    std::uint8_t flags;
    std::uint16_t source_bytes;
    std::uint16_t topic_bytes;
    std::uint16_t mark_bytes;
    std::uint32_t payload_bytes;
    std::uint32_t properties_bytes;
};
constexpr std::size_t kCrcFrom = offsetof(Entry, number);

enum Flag : std::uint8_t {
    kRetained = 1,
    kDuplicate = 2,
    kSimulated = 4,
    kAwaited = 8,
    kOwed = 16,
    kApart = 32
};
std::uint8_t flags_of(const IngestItem& item, bool awaited) {
    return static_cast<std::uint8_t>((item.retained ? kRetained : 0) |
                                     (item.duplicate ? kDuplicate : 0) |
                                     (item.simulated ? kSimulated : 0) | (awaited ? kAwaited : 0) |
                                     (item.owed ? kOwed : 0) | (item.apart ? kApart : 0));
}

std::size_t content_of(const Entry& entry) {
    return sizeof(Entry) + entry.source_bytes + entry.topic_bytes +
           std::size_t{entry.payload_bytes} + entry.properties_bytes + entry.mark_bytes;
}

constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + 7) & ~std::size_t{7};
}

class MappedRing final : public IngestRing {
public:
    MappedRing(std::byte* map, std::size_t bytes) : map_(map), mapped_(bytes) {
        size_ = bytes - kHeaderBytes;
        counts_.bytes_size = size_;
    }
    ~MappedRing() override { ::munmap(map_, mapped_); }
    MappedRing(const MappedRing&) = delete;
    MappedRing& operator=(const MappedRing&) = delete;

    void start_new(std::string_view kernel_boot, std::uint64_t first_number);
    bool recover(std::string_view kernel_boot, std::uint64_t committed_entry);

    Push push(const IngestItem& item, std::chrono::milliseconds wait, IngestWaiter waiter) override;
    Push push_awaited(const IngestItem& item, std::uint64_t& number) override;
    bool pop(IngestItem& item, std::uint64_t& number, bool& recovered, IngestWaiter& waiter,
             std::chrono::milliseconds wait) override;
    void release(std::uint64_t number) override;
    void wake() override;
    void close() override;
    RingCounts counts() const override;

private:
    Header& header() { return *reinterpret_cast<Header*>(map_); }
    std::byte* area() { return map_ + kHeaderBytes; }
    Entry read_entry(std::uint64_t position);
    bool entry_ok(std::uint64_t position, std::uint64_t number, Entry& out);
    void store_tail();
    bool drop_tail_entry();
    std::size_t room_needed(std::size_t bytes) const;
    Push put(const IngestItem& item, std::chrono::milliseconds wait, IngestWaiter waiter,
             bool awaited, std::uint64_t& number);
    void write(const IngestItem& item, bool awaited, std::size_t bytes);
    std::uint64_t skip_fill(std::uint64_t position) const;

    std::byte* const map_;
    const std::size_t mapped_;
    std::size_t size_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable readable_, writable_;
    Tail tail_;                     // oldest kept
    std::uint64_t next_ = 0;        // position of the next entry to pop
    std::uint64_t processing_ = 0;  // everything before it is processed
    std::uint64_t head_ = 0;        // position where the next entry is written
    std::uint64_t head_number_ = 1;
    std::uint64_t next_number_ = 1;
    std::uint64_t recovered_below_ = 0;  // entries below this number were here at start
    std::uint64_t unmapped_to_ = 0;
    std::map<std::uint64_t, IngestWaiter> waiters_;
    unsigned tail_copy_ = 0;
    bool closed_ = false;
    bool woken_ = false;
    RingCounts counts_;
};

void MappedRing::start_new(std::string_view kernel_boot, std::uint64_t first_number) {
    std::memset(map_, 0, kHeaderBytes);
    header().size = size_;
    std::memcpy(header().kernel_boot.data(), kernel_boot.data(),
                std::min(kernel_boot.size(), header().kernel_boot.size()));
    tail_.number = head_number_ = next_number_ = first_number;
    // An old entry at the start must not look like the first new one.
    std::memset(area(), 0, sizeof(Entry));
    store_tail();
    header().magic = kMagic;
}

bool MappedRing::recover(std::string_view kernel_boot, std::uint64_t committed_entry) {
    std::array<char, 40> boot{};
    std::memcpy(boot.data(), kernel_boot.data(), std::min(kernel_boot.size(), boot.size()));
    if (header().magic != kMagic || header().size != size_ || header().kernel_boot != boot)
        return false;
    const Tail* best = nullptr;
    for (const Tail& tail : header().tails)
        if (tail.crc == tail.computed_crc() && (best == nullptr || tail.number > best->number))
            best = &tail;
    if (best == nullptr) return false;
    tail_ = *best;
    head_ = next_ = processing_ = unmapped_to_ = tail_.position;
    head_number_ = next_number_ = tail_.number;
    Entry entry{};
    while (head_ - tail_.position < size_ && entry_ok(head_, head_number_, entry)) {
        head_ += entry.bytes;
        if (entry.kind != kSkip) ++head_number_;
    }
    if (entry.bytes != 0 && entry.number == head_number_ && entry.kind != kSkip) ++counts_.torn;
    while (tail_.number <= committed_entry && tail_.number < head_number_)
        if (!drop_tail_entry()) break;
    next_ = processing_ = std::max(processing_, tail_.position);
    next_number_ = tail_.number;
    if (head_number_ <= committed_entry)  // the file is older than the log: go on above it
        tail_.number = head_number_ = next_number_ = committed_entry + 1;
    recovered_below_ = head_number_;
    counts_.recovered = head_number_ - next_number_;
    counts_.recovered_to = counts_.recovered != 0 ? head_number_ - 1 : 0;
    store_tail();
    return true;
}

Entry MappedRing::read_entry(std::uint64_t position) {
    Entry entry{};
    const auto offset = position % size_;
    if (size_ - offset < sizeof(Entry)) {
        entry.bytes = static_cast<std::uint32_t>(size_ - offset);
        entry.kind = kSkip;
        return entry;
    }
    std::memcpy(&entry, area() + offset, sizeof(entry));
    return entry;
}

bool MappedRing::entry_ok(std::uint64_t position, std::uint64_t number, Entry& out) {
    const auto offset = position % size_;
    out = read_entry(position);
    if (size_ - offset < sizeof(Entry)) return true;
    if (out.number != number || out.bytes < sizeof(Entry) || out.bytes > size_ - offset)
        return false;
    const std::size_t content = content_of(out);
    if (out.kind != kSkip && padded(content) != out.bytes) return false;
    const std::size_t covered = out.kind == kSkip ? sizeof(Entry) : content;
    return crc32c({area() + offset + kCrcFrom, covered - kCrcFrom}) == out.crc;
}

void MappedRing::store_tail() {
    tail_.crc = tail_.computed_crc();
    header().tails[tail_copy_] = tail_;
    tail_copy_ ^= 1U;
}

// Gives up the oldest entry; false if there is none that is processed.
bool MappedRing::drop_tail_entry() {
    if (tail_.position >= head_) return false;
    const Entry entry = read_entry(tail_.position);
    tail_.position += entry.bytes;
    if (entry.kind != kSkip) ++tail_.number;
    return true;
}

// Bytes from `position` to the end of the area.
std::uint64_t MappedRing::skip_fill(std::uint64_t position) const {
    return size_ - position % size_;
}

std::size_t MappedRing::room_needed(std::size_t bytes) const {
    const auto to_end = skip_fill(head_);
    return to_end < bytes ? static_cast<std::size_t>(to_end) + bytes : bytes;
}

void MappedRing::write(const IngestItem& item, bool awaited, std::size_t bytes) {
    if (const auto to_end = skip_fill(head_); to_end < bytes) {
        if (to_end >= sizeof(Entry)) {
            Entry skip{};
            skip.bytes = static_cast<std::uint32_t>(to_end);
            skip.number = head_number_;
            skip.kind = kSkip;
            skip.crc = crc32c(std::as_bytes(std::span(&skip, 1)).subspan(kCrcFrom));
            std::memcpy(area() + head_ % size_, &skip, sizeof(skip));
        }
        head_ += to_end;
    }
    std::byte* at = area() + head_ % size_;
    Entry entry{};
    entry.bytes = static_cast<std::uint32_t>(bytes);
    entry.number = head_number_;
    entry.received_ns = item.received.time_since_epoch().count();
    entry.kind = static_cast<std::uint8_t>(item.kind);
    entry.flags = flags_of(item, awaited);
    entry.source_bytes = static_cast<std::uint16_t>(item.source.size());
    entry.topic_bytes = static_cast<std::uint16_t>(item.topic.size());
    entry.payload_bytes = static_cast<std::uint32_t>(item.payload.size());
    entry.properties_bytes = static_cast<std::uint32_t>(item.properties.size());
    entry.mark_bytes = static_cast<std::uint16_t>(item.mark.size());
    std::byte* to = at + sizeof(Entry);
    const auto put = [&to](const void* from, std::size_t count) {
        if (count > 0) std::memcpy(to, from, count);
        to += count;
    };
    put(item.source.data(), item.source.size());
    put(item.topic.data(), item.topic.size());
    put(item.payload.data(), item.payload.size());
    put(item.properties.data(), item.properties.size());
    put(item.mark.data(), item.mark.size());
    const auto content = static_cast<std::size_t>(to - at) - sizeof(Entry);
    entry.crc = crc32c(std::as_bytes(std::span(&entry, 1)).subspan(kCrcFrom));
    entry.crc = crc32c({at + sizeof(Entry), content}, entry.crc);
    std::memcpy(at, &entry, sizeof(entry));
    head_ += bytes;
    ++head_number_;
}

IngestRing::Push MappedRing::push(const IngestItem& item, std::chrono::milliseconds wait,
                                  IngestWaiter waiter) {
    std::uint64_t number = 0;
    return put(item, wait, std::move(waiter), false, number);
}

IngestRing::Push MappedRing::push_awaited(const IngestItem& item, std::uint64_t& number) {
    return put(item, std::chrono::milliseconds(0), {}, true, number);
}

IngestRing::Push MappedRing::put(const IngestItem& item, std::chrono::milliseconds wait,
                                 IngestWaiter waiter, bool awaited, std::uint64_t& number) {
    const std::size_t bytes =
        padded(sizeof(Entry) + item.source.size() + item.topic.size() + item.payload.size() +
               item.properties.size() + item.mark.size());
    std::unique_lock lock(mutex_);
    if (bytes > size_ / 4 || item.source.size() > 0xFFFF || item.topic.size() > 0xFFFF ||
        item.mark.size() > 0xFFFF) {
        ++counts_.refused_large;
        return Push::too_large;
    }
    const auto has_room = [&] {
        while (head_ + room_needed(bytes) - tail_.position > size_) {
            // Commits lag: what is processed already gives up its crash protection, oldest first.
            if (tail_.position >= processing_) return false;
            const auto number = tail_.number;
            drop_tail_entry();
            counts_.exposed += tail_.number - number;
        }
        return true;
    };
    if (!closed_ && wait.count() > 0 && !has_room()) {
        ++counts_.waited;
        writable_.wait_for(lock, wait, [&] { return closed_ || has_room(); });
    }
    if (closed_) return Push::closed;
    if (!has_room()) {
        ++counts_.refused_full;
        return Push::full;
    }
    number = head_number_;
    store_tail();
    write(item, awaited, bytes);
    if (waiter) waiters_.emplace(number, std::move(waiter));
    ++counts_.pushed;
    lock.unlock();
    readable_.notify_one();
    return Push::ok;
}

bool MappedRing::pop(IngestItem& item, std::uint64_t& number, bool& recovered, IngestWaiter& waiter,
                     std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    if (processing_ != next_) {
        processing_ = next_;
        writable_.notify_all();
    }
    // A wait of nothing must not enter the kernel: that costs a timer's slack, 50 us.
    if (next_number_ == head_number_ && wait > std::chrono::milliseconds{0})
        readable_.wait_for(lock, wait,
                           [this] { return closed_ || woken_ || next_number_ != head_number_; });
    woken_ = false;
    if (next_number_ == head_number_) return false;
    Entry entry = read_entry(next_);
    if (entry.kind == kSkip) {
        next_ += entry.bytes;
        entry = read_entry(next_);
    }
    const auto* at = reinterpret_cast<const char*>(area() + next_ % size_) + sizeof(Entry);
    item.kind = static_cast<IngestKind>(entry.kind);
    item.retained = (entry.flags & kRetained) != 0;
    item.duplicate = (entry.flags & kDuplicate) != 0;
    item.simulated = (entry.flags & kSimulated) != 0;
    item.awaited = (entry.flags & kAwaited) != 0;
    item.owed = (entry.flags & kOwed) != 0;
    item.apart = (entry.flags & kApart) != 0;
    item.received = MonoTime{std::chrono::nanoseconds{entry.received_ns}};
    const auto take = [&at](std::size_t count) {
        const std::string_view part(at, count);
        at += count;
        return part;
    };
    item.source = take(entry.source_bytes);
    item.topic = take(entry.topic_bytes);
    item.payload = std::as_bytes(std::span(take(entry.payload_bytes)));
    item.properties = take(entry.properties_bytes);
    item.mark = take(entry.mark_bytes);
    number = entry.number;
    recovered = entry.number < recovered_below_;
    waiter = {};
    if (const auto found = waiters_.find(number); found != waiters_.end()) {
        waiter = std::move(found->second);
        waiters_.erase(found);
    }
    next_ += entry.bytes;
    ++next_number_;
    ++counts_.popped;
    return true;
}

void MappedRing::release(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto before = tail_.position;
    while (tail_.number <= number && tail_.position < processing_) drop_tail_entry();
    if (tail_.position == before) return;
    counts_.released = tail_.number - 1;
    store_tail();
    writable_.notify_all();
    // Resident memory follows the load: pages of released entries stay in tmpfs only.
    const auto page = [](std::uint64_t position) { return position & ~std::uint64_t{4095}; };
    if (page(tail_.position) - unmapped_to_ < kReleasePages) return;
    const auto from = unmapped_to_ % size_;
    const auto to = page(tail_.position) % size_;
    const auto drop = [this](std::uint64_t begin, std::uint64_t end) {
        begin = (begin + 4095) & ~std::uint64_t{4095};
        if (end > begin) ::madvise(area() + begin, end - begin, MADV_DONTNEED);
    };
    if (from <= to) {
        drop(from, to);
    } else {
        drop(from, size_);
        drop(0, to);
    }
    unmapped_to_ = page(tail_.position);
}

void MappedRing::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    readable_.notify_one();
}

void MappedRing::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    readable_.notify_all();
    writable_.notify_all();
}

RingCounts MappedRing::counts() const {
    const std::lock_guard lock(mutex_);
    RingCounts counts = counts_;
    counts.bytes_used = static_cast<std::size_t>(head_ - tail_.position);
    return counts;
}

Error map_error(const std::filesystem::path& path, std::string_view what, int error) {
    return {error == ENOSPC ? Errc::storage_full : Errc::storage_error,
            "ingest ring " + path.string() + ": " + std::string(what) + ": " + errno_text(error),
            error == ENOSPC ? "free memory on that file system or lower ingest.ring_bytes" : ""};
}

}  // namespace

Result<std::unique_ptr<IngestRing>> IngestRing::open(const std::filesystem::path& path,
                                                     std::size_t bytes,
                                                     std::string_view kernel_boot,
                                                     std::uint64_t committed_entry) {
    bytes = (bytes + kHeaderBytes + 4095) & ~std::size_t{4095};
    const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return map_error(path, "cannot open", errno);
    struct stat info {};
    ::fstat(fd.get(), &info);
    const bool same_size = static_cast<std::size_t>(info.st_size) == bytes;
    if (!same_size && ::ftruncate(fd.get(), 0) != 0) return map_error(path, "cannot resize", errno);
    // Allocated whole now, so that a full tmpfs is an error here and never a SIGBUS later.
    if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes)); error != 0)
        return map_error(path, "cannot allocate " + std::to_string(bytes) + " bytes", error);
    void* map = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (map == MAP_FAILED) return map_error(path, "cannot map", errno);
    auto ring = std::make_unique<MappedRing>(static_cast<std::byte*>(map), bytes);
    if (!same_size || !ring->recover(kernel_boot, committed_entry))
        ring->start_new(kernel_boot, committed_entry + 1);
    return std::unique_ptr<IngestRing>(std::move(ring));
}

}  // namespace fog
