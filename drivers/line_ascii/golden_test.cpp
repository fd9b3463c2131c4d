#include <doctest/doctest.h>

#include "tests/support/codec_cases.hpp"

namespace fog {
extern const DriverInfo line_ascii_driver;
}

TEST_CASE("line: the cases decode as reviewed") {
    fog::run_codec_cases(fog::line_ascii_driver, FOG_TEST_DIR "/cases");
}
