#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "firmware/config/load.hpp"

namespace fog {

struct Streams {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
};

/// The whole program but for its process: words as typed, without the program's name.
/// Blocks: on the network and on `in`. Never throws.
Exit run_fogctl(const std::vector<std::string>& words, Streams streams);

}  // namespace fog
