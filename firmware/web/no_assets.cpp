#include "firmware/web/assets.hpp"

namespace fog {

// A build without the page.
std::span<const Asset> web_assets() {
    return {};
}

}  // namespace fog
