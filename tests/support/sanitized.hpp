#pragma once

#ifndef __has_feature  // GCC says it otherwise
#define __has_feature(feature) 0
#endif

namespace fog {

/// Built with a sanitizer: the same work takes five to ten times as long, fewer rounds must do.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace fog
