#pragma once

#include <filesystem>
#include <memory>

#include "firmware/store/history.hpp"

namespace fog {

/// A History over the log's database; `boots` outlives it.
Result<std::unique_ptr<History>> open_history(const std::filesystem::path& path,
                                              const BootTable& boots);

}  // namespace fog
