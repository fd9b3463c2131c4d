#include <doctest/doctest.h>

#include "tests/support/codec_cases.hpp"

namespace fog {
extern const DriverInfo nanopb_frame_driver;
}

TEST_CASE("mcu link: the cases made by make_cases.py decode as reviewed") {
    fog::run_codec_cases(fog::nanopb_frame_driver, FOG_TEST_DIR "/cases");
}
