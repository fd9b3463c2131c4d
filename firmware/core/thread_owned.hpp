#pragma once

#include <cassert>
#include <thread>

namespace fog {

/// Says in code which thread owns a piece of state: bind() on that thread, check() in each
/// public function. The constructing thread owns it until then. Costs nothing in release builds.
class ThreadOwned {
public:
    void bind() { owner_ = std::this_thread::get_id(); }
    void check() const { assert(owner_ == std::this_thread::get_id()); }

private:
    std::thread::id owner_ = std::this_thread::get_id();
};

}  // namespace fog
