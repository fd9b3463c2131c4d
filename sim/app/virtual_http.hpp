#pragma once

#include <filesystem>
#include <memory>

#include "sim/app/virtual_links.hpp"

namespace fog::sim {

/// A device that is `http.ingest`: one request at a time, at most `batch` reports in it, answered
/// when they are on flash (`ack = "commit"`) or at once (`held`).
std::unique_ptr<VirtualLink> make_virtual_http(std::size_t place, const DeviceSpec& device,
                                               Endpoint endpoint, const std::filesystem::path& file,
                                               const VirtualSite& site);

}  // namespace fog::sim
