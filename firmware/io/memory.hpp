#pragma once

namespace fog {

/// Gives back free heap that only the start needed (parsers of files, the log's newest records).
/// Any thread, after the start; takes about a millisecond.
void release_start_memory();

}  // namespace fog
