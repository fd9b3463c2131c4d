#include "firmware/io/memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace fog {
namespace {

/// Executable segments only: they are never written, so every page of them is the file's. (Those
/// with data may look read-only too, but hold addresses the loader wrote.)
int drop_code(dl_phdr_info* info, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    if (info->dlpi_name != nullptr && info->dlpi_name[0] == '\0' && info->dlpi_addr == 0)
        return 0;  // not position-independent: where it lies is not what the header says
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& segment = info->dlpi_phdr[i];
        const bool code = (segment.p_flags & PF_X) != 0 && (segment.p_flags & PF_W) == 0;
        if (segment.p_type != PT_LOAD || !code) continue;
        const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
        const std::uintptr_t from = (begin + page - 1) & ~(page - 1);
        const std::uintptr_t to = (begin + segment.p_filesz) & ~(page - 1);
        if (to <= from) continue;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader speaks in numbers
        ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
    }
    return 0;
}

}  // namespace

void release_start_memory() {
    ::malloc_trim(0);
    ::dl_iterate_phdr(drop_code, nullptr);
}

}  // namespace fog
