# Everything comes from the distribution. A required package that is missing names its Debian package.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(fog_need target debian_package)
  if(NOT TARGET ${target})
    message(FATAL_ERROR "${target} not found: apt-get install ${debian_package} (./fog doctor lists all)")
  endif()
endfunction()

find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(sodium QUIET IMPORTED_TARGET libsodium)
fog_need(PkgConfig::sodium libsodium-dev)
pkg_check_modules(simdjson QUIET IMPORTED_TARGET simdjson)
fog_need(PkgConfig::simdjson libsimdjson-dev)
pkg_check_modules(zstd QUIET IMPORTED_TARGET libzstd)
fog_need(PkgConfig::zstd libzstd-dev)
find_package(nlohmann_json 3.11 REQUIRED)

find_path(FOG_DOCTEST_DIR doctest/doctest.h REQUIRED)
find_path(FOG_TOMLPP_DIR toml++/toml.h REQUIRED)
find_path(FOG_CLI11_DIR CLI/CLI.hpp REQUIRED)
find_path(FOG_HTTPLIB_DIR httplib.h REQUIRED)

# Paho: headers plus libraries; the CMake files in the package differ between releases.
find_path(FOG_PAHO_CPP_DIR mqtt/async_client.h REQUIRED)
find_library(FOG_PAHO_CPP_LIB paho-mqttpp3 REQUIRED)
find_library(FOG_PAHO_C_LIB paho-mqtt3as REQUIRED)
add_library(fog_paho INTERFACE)
target_include_directories(fog_paho SYSTEM INTERFACE ${FOG_PAHO_CPP_DIR})
target_link_libraries(fog_paho INTERFACE ${FOG_PAHO_CPP_LIB} ${FOG_PAHO_C_LIB} Threads::Threads)

# nanopb: runtime library plus the generator, which runs at build time.
find_path(FOG_NANOPB_DIR pb_encode.h PATH_SUFFIXES nanopb REQUIRED)
find_library(FOG_NANOPB_LIB protobuf-nanopb REQUIRED)
find_program(FOG_NANOPB_GENERATOR NAMES nanopb_generator nanopb_generator.py REQUIRED)
