#include "firmware/core/result.hpp"

namespace fog {

std::string_view to_text(Errc code) {
    switch (code) {
        case Errc::bad_config:
            return "bad-config";
        case Errc::bad_frame:
            return "bad-frame";
        case Errc::bad_request:
            return "bad-request";
        case Errc::not_found:
            return "not-found";
        case Errc::conflict:
            return "conflict";
        case Errc::timeout:
            return "timeout";
        case Errc::unreachable:
            return "unreachable";
        case Errc::refused:
            return "refused";
        case Errc::denied:
            return "denied";
        case Errc::busy:
            return "busy";
        case Errc::storage_full:
            return "storage-full";
        case Errc::storage_error:
            return "storage-error";
        case Errc::internal:
            return "internal";
    }
    return "internal";
}

Error Error::in(std::string_view where) && {
    return {code, std::string(where) + ": " + what, std::move(hint)};
}

}  // namespace fog
