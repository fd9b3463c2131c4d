#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace fog {

/// A layer under SQLite that makes the disk misbehave: between construction and destruction it is
/// the process's default VFS. It numbers every write, sync, truncation and deletion; at the number
/// asked for it fails, or the power goes: from then on nothing works, and image() lays out what the
/// disk would hold: what was synced, and of the rest any sectors, in any version.
/// Real syncs are left out; nobody pulls the plug of the machine this runs on.
/// Thread: any, one lock.
class FaultVfs {
public:
    enum class Fault : std::uint8_t { none, io_error, full, power_cut };
    static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
    static constexpr std::int64_t kSector = 512;

    FaultVfs() {
        real_ = sqlite3_vfs_find("unix");
        vfs_ = *real_;
        vfs_.zName = "fogline-faults";
        vfs_.pAppData = this;
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs_.xOpen = &FaultVfs::open;
        vfs_.xDelete = &FaultVfs::remove;
        sqlite3_vfs_register(&vfs_, 1);
    }
    ~FaultVfs() {
        sqlite3_vfs_unregister(&vfs_);
        sqlite3_vfs_register(real_, 1);
    }
    FaultVfs(const FaultVfs&) = delete;
    FaultVfs& operator=(const FaultVfs&) = delete;

    /// The fault comes at operation `at`, counted from here, and with the errors for `times`.
    void arm(Fault fault, std::uint64_t at, std::uint64_t times = 1) {
        const std::lock_guard lock(mutex_);
        fault_ = fault;
        at_ = at;
        times_ = times;
        count_ = failed_ = 0;
    }
    std::uint64_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    std::uint64_t failed() const {
        const std::lock_guard lock(mutex_);
        return failed_;
    }
    bool dark() const {
        const std::lock_guard lock(mutex_);
        return dark_;
    }

    /// What the disk holds after the power went, written into `folder`.
    void image(const std::filesystem::path& folder, std::mt19937& random) const {
        const std::lock_guard lock(mutex_);
        static constexpr unsigned kChances[] = {0, 30, 70, 100};
        for (const auto& [path, disk] : disks_) {
            const unsigned chance = kChances[random() % 4];
            const bool here = disk.entry || random() % 100 < chance;
            if (!here) continue;
            std::string bytes = disk.synced;
            for (const Change& change : disk.changes) lay(bytes, change, chance, random);
            std::ofstream file(folder / std::filesystem::path(path).filename(), std::ios::binary);
            file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        }
    }

private:
    struct Change {
        std::int64_t offset = 0;
        std::string bytes;
        bool truncates = false;
    };
    struct Disk {
        std::string synced;
        std::vector<Change> changes;  // since then
        bool entry = false;           // its name is on the disk
    };
    struct File {
        sqlite3_file base;
        FaultVfs* layer;
        const char* path;  // SQLite's, null for a file without a name
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };

    static void lay(std::string& bytes, const Change& change, unsigned chance,
                    std::mt19937& random) {
        if (change.truncates) {
            if (random() % 100 < chance) bytes.resize(static_cast<std::size_t>(change.offset));
            return;
        }
        const auto end = change.offset + static_cast<std::int64_t>(change.bytes.size());
        for (std::int64_t at = change.offset; at < end;) {
            const auto next = std::min(end, (at / kSector + 1) * kSector);
            if (random() % 100 < chance) {
                if (static_cast<std::int64_t>(bytes.size()) < next)
                    bytes.resize(static_cast<std::size_t>(next));
                std::memcpy(bytes.data() + at, change.bytes.data() + (at - change.offset),
                            static_cast<std::size_t>(next - at));
            }
            at = next;
        }
    }

    /// SQLITE_OK, or what the operation ends with.
    int pass(int io_error) {
        if (dark_) return SQLITE_IOERR;
        const std::uint64_t number = count_++;
        if (fault_ == Fault::none || number < at_ || number - at_ >= times_) return SQLITE_OK;
        ++failed_;
        if (fault_ == Fault::full) return SQLITE_FULL;
        if (fault_ == Fault::power_cut) dark_ = true;
        return fault_ == Fault::power_cut ? SQLITE_IOERR : io_error;
    }

    static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
    static FaultVfs* of(sqlite3_vfs* vfs) { return static_cast<FaultVfs*>(vfs->pAppData); }

    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* raw, int flags, int* out) {
        FaultVfs* layer = of(vfs);
        File* file = new (raw) File{{nullptr}, layer, name};
        const int code = layer->real_->xOpen(layer->real_, name, file->real(), flags, out);
        if (code != SQLITE_OK) return code;
        file->base.pMethods = &kMethods;
        if (name == nullptr) return code;
        const std::lock_guard lock(layer->mutex_);
        layer->disks_.try_emplace(name);
        return code;
    }
    static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
        FaultVfs* layer = of(vfs);
        const std::lock_guard lock(layer->mutex_);
        if (const int code = layer->pass(SQLITE_IOERR_DELETE); code != SQLITE_OK) return code;
        layer->disks_.erase(name);
        return layer->real_->xDelete(layer->real_, name, sync_folder);
    }
    static int close(sqlite3_file* raw) {
        return of(raw)->real()->pMethods->xClose(of(raw)->real());
    }
    static int read(sqlite3_file* raw, void* to, int bytes, sqlite3_int64 offset) {
        return of(raw)->real()->pMethods->xRead(of(raw)->real(), to, bytes, offset);
    }
    static int write(sqlite3_file* raw, const void* from, int bytes, sqlite3_int64 offset) {
        File* file = of(raw);
        const std::lock_guard lock(file->layer->mutex_);
        const bool before = file->layer->dark_;
        if (const int code = file->layer->pass(SQLITE_IOERR_WRITE); code != SQLITE_OK) {
            // The write under which the power goes may reach the disk in part.
            if (file->layer->dark_ && !before) file->layer->note(file, from, bytes, offset);
            return code;
        }
        file->layer->note(file, from, bytes, offset);
        return file->real()->pMethods->xWrite(file->real(), from, bytes, offset);
    }
    void note(const File* file, const void* from, int bytes, sqlite3_int64 offset) {
        if (file->path == nullptr) return;
        disks_[file->path].changes.push_back(
            {offset, std::string(static_cast<const char*>(from), static_cast<std::size_t>(bytes)),
             false});
    }
    static int truncate(sqlite3_file* raw, sqlite3_int64 size) {
        File* file = of(raw);
        const std::lock_guard lock(file->layer->mutex_);
        if (const int code = file->layer->pass(SQLITE_IOERR_TRUNCATE); code != SQLITE_OK)
            return code;
        if (file->path != nullptr)
            file->layer->disks_[file->path].changes.push_back({size, {}, true});
        return file->real()->pMethods->xTruncate(file->real(), size);
    }
    static int sync(sqlite3_file* raw, int) {
        File* file = of(raw);
        const std::lock_guard lock(file->layer->mutex_);
        if (const int code = file->layer->pass(SQLITE_IOERR_FSYNC); code != SQLITE_OK) return code;
        if (file->path == nullptr) return SQLITE_OK;
        Disk& disk = file->layer->disks_[file->path];
        std::mt19937 all(0);
        for (const Change& change : disk.changes) lay(disk.synced, change, 100, all);
        disk.changes.clear();
        disk.entry = true;
        return SQLITE_OK;
    }
    static int size(sqlite3_file* raw, sqlite3_int64* out) {
        return of(raw)->real()->pMethods->xFileSize(of(raw)->real(), out);
    }
    static int lock(sqlite3_file* raw, int level) {
        return of(raw)->real()->pMethods->xLock(of(raw)->real(), level);
    }
    static int unlock(sqlite3_file* raw, int level) {
        return of(raw)->real()->pMethods->xUnlock(of(raw)->real(), level);
    }
    static int reserved(sqlite3_file* raw, int* out) {
        return of(raw)->real()->pMethods->xCheckReservedLock(of(raw)->real(), out);
    }
    static int control(sqlite3_file* raw, int what, void* argument) {
        return of(raw)->real()->pMethods->xFileControl(of(raw)->real(), what, argument);
    }
    static int sector(sqlite3_file*) { return static_cast<int>(kSector); }
    static int traits(sqlite3_file* raw) {
        return of(raw)->real()->pMethods->xDeviceCharacteristics(of(raw)->real());
    }
    static int shm_map(sqlite3_file* raw, int page, int bytes, int extend, void volatile** out) {
        return of(raw)->real()->pMethods->xShmMap(of(raw)->real(), page, bytes, extend, out);
    }
    static int shm_lock(sqlite3_file* raw, int offset, int n, int flags) {
        return of(raw)->real()->pMethods->xShmLock(of(raw)->real(), offset, n, flags);
    }
    static void shm_barrier(sqlite3_file* raw) {
        of(raw)->real()->pMethods->xShmBarrier(of(raw)->real());
    }
    static int shm_unmap(sqlite3_file* raw, int remove) {
        return of(raw)->real()->pMethods->xShmUnmap(of(raw)->real(), remove);
    }
    static constexpr sqlite3_io_methods kMethods = {
        2,        close,       read,      write,   truncate, sync,   size,
        lock,     unlock,      reserved,  control, sector,   traits, shm_map,
        shm_lock, shm_barrier, shm_unmap, nullptr, nullptr};

    sqlite3_vfs* real_ = nullptr;
    sqlite3_vfs vfs_{};
    mutable std::mutex mutex_;
    std::map<std::string, Disk> disks_;
    Fault fault_ = Fault::none;
    std::uint64_t at_ = kNever;
    std::uint64_t times_ = 1;
    std::uint64_t count_ = 0;
    std::uint64_t failed_ = 0;
    bool dark_ = false;
};

}  // namespace fog
