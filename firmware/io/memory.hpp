#pragma once

namespace fog {

/// Gives back what only the start needed: free heap, and the program's and libraries' code that
/// lies in this process though it ran once (tables of ciphers, parsers of files). What is needed
/// again comes back from the page cache, without reading a disk that has it.
/// Any thread, after the start; takes about a millisecond.
void release_start_memory();

}  // namespace fog
