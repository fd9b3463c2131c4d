#include "firmware/io/memory.hpp"

#include <malloc.h>

namespace fog {

void release_start_memory() {
    ::malloc_trim(0);
}

}  // namespace fog
