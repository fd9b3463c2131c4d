# fog_library(NAME ...)      a folder of the firmware: library fog_<name>, its tests, its fuzz targets
# fog_component(KIND ...)    one pluggable folder (driver, dialect, operator, sink, transport)
# fog_components(KIND ...)   finds the component folders below here and generates all_<kind>s()
# Nothing is registered by static initialisers, and there is no list to edit.

# One object with doctest's main() for all test programs.
add_library(fog_doctest OBJECT ${CMAKE_SOURCE_DIR}/tests/support/doctest_main.cpp)
target_include_directories(fog_doctest SYSTEM PUBLIC ${FOG_DOCTEST_DIR})
target_include_directories(fog_doctest PUBLIC ${CMAKE_SOURCE_DIR})

# Boost.Asio and Beast, compiled once; users see only declarations.
add_library(fog_boost STATIC ${CMAKE_SOURCE_DIR}/firmware/io/boost_impl.cpp)
target_compile_definitions(fog_boost PUBLIC BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)
target_link_libraries(fog_boost PUBLIC Boost::headers OpenSSL::SSL Threads::Threads)

# Sources in which Asio's fences are inlined: GCC warns that TSan cannot follow those.
function(fog_asio_sources)
  if(FOG_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -Wno-tsan)
  endif()
endfunction()

# All test programs but the integration tests: what sanitizers look at.
add_custom_target(fog_parts)

# A test program <kind>.<name> or unit.<name>; ctest runs it as one test.
function(fog_test NAME)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  string(REPLACE "." "_" target "test_${NAME}")
  add_executable(${target} ${A_SOURCES} $<TARGET_OBJECTS:fog_doctest>)
  target_include_directories(${target} SYSTEM PRIVATE ${FOG_DOCTEST_DIR})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  target_compile_definitions(${target} PRIVATE FOG_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    FOG_TEST_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${A_LINKS})
  set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  if(NOT NAME MATCHES "^integration\\.")
    add_dependencies(fog_parts ${target})
  endif()
  add_test(NAME ${NAME} COMMAND ${target})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 300)  # of a busy machine; none needs a minute of an idle one
  endif()
  set_tests_properties(${NAME} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}")
endfunction()

# A libFuzzer target fuzz_<name>; SEEDS is a folder. Only in the fuzz preset.
function(fog_fuzz NAME)
  if(NOT FOG_FUZZ)
    return()
  endif()
  cmake_parse_arguments(A "" "SEEDS" "SOURCES;LINKS" ${ARGN})
  add_executable(fuzz_${NAME} ${A_SOURCES})
  target_link_libraries(fuzz_${NAME} PRIVATE ${A_LINKS})
  target_link_options(fuzz_${NAME} PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY fog_fuzz_targets fuzz_${NAME})
  get_filename_component(seeds "${A_SEEDS}" ABSOLUTE)
  file(APPEND ${CMAKE_BINARY_DIR}/fuzz_targets.txt "fuzz_${NAME} ${seeds}\n")
endfunction()
if(FOG_FUZZ)
  file(WRITE ${CMAKE_BINARY_DIR}/fuzz_targets.txt "")
endif()

# FOG_STRIP: the program without its symbols, these in <program>.debug beside it.
function(fog_strip target)
  if(FOG_STRIP)
    add_custom_command(TARGET ${target} POST_BUILD
      COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${target}> $<TARGET_FILE:${target}>.debug
      COMMAND ${CMAKE_STRIP} --strip-all $<TARGET_FILE:${target}>
      COMMAND ${CMAKE_OBJCOPY} --add-gnu-debuglink=$<TARGET_FILE:${target}>.debug $<TARGET_FILE:${target}>
      VERBATIM)
  endif()
endfunction()

function(fog_library NAME)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;TESTS;LINKS;PRIVATE_LINKS;TEST_LINKS" ${ARGN})
  add_library(fog_${NAME} STATIC ${A_SOURCES})
  target_include_directories(fog_${NAME} PUBLIC ${CMAKE_SOURCE_DIR})
  target_include_directories(fog_${NAME} PRIVATE ${CMAKE_BINARY_DIR})
  target_link_libraries(fog_${NAME} PUBLIC ${A_LINKS} PRIVATE ${A_PRIVATE_LINKS})
  if(A_TESTS)
    fog_test(unit.${NAME} SOURCES ${A_TESTS} LINKS fog_${NAME} ${A_TEST_LINKS} TIMEOUT ${A_TIMEOUT})
  endif()
endfunction()

# KIND driver|dialect|operator|sink|transport; REQUIRES names CMake targets that may be missing.
function(fog_component)
  cmake_parse_arguments(A "" "KIND;NAME" "SOURCES;TESTS;SIM;LINKS;TEST_LINKS;REQUIRES" ${ARGN})
  foreach(need IN LISTS A_REQUIRES)
    if(NOT TARGET ${need})
      message(STATUS "${A_KIND} ${A_NAME}: left out, ${need} is not here")
      return()
    endif()
  endforeach()
  set(library fog_${A_KIND}_${A_NAME})
  add_library(${library} STATIC ${A_SOURCES})
  target_include_directories(${library} PUBLIC ${CMAKE_SOURCE_DIR})
  target_include_directories(${library} PRIVATE ${CMAKE_BINARY_DIR})
  target_link_libraries(${library} PUBLIC fog_core ${A_LINKS} ${A_REQUIRES})
  set_property(GLOBAL APPEND PROPERTY fog_${A_KIND}_names ${A_NAME})
  if(A_SIM)
    add_library(${library}_sim STATIC ${A_SIM})
    target_link_libraries(${library}_sim PUBLIC ${library})
    set_property(GLOBAL APPEND PROPERTY fog_sim_device_names ${A_NAME})
    set_property(GLOBAL APPEND PROPERTY fog_sim_device_libs ${library}_sim)
  endif()
  if(A_TESTS)
    set(test_links ${library} ${A_TEST_LINKS})
    if(A_SIM)
      list(APPEND test_links ${library}_sim)
    endif()
    fog_test(${A_KIND}.${A_NAME} SOURCES ${A_TESTS} LINKS ${test_links})
  endif()
endfunction()

# Writes <kind>_table.gen.cpp: all_<kind>s() over the objects named <name>_<kind> of type TYPE.
function(fog_component_table KIND TYPE HEADER LIBRARY)
  cmake_parse_arguments(A "" "" "NAMES;LINKS" ${ARGN})
  list(SORT A_NAMES)
  set(decls "")
  set(rows "")
  foreach(name IN LISTS A_NAMES)
    string(APPEND decls "extern const ${TYPE} ${name}_${KIND};\n")
    string(APPEND rows "        &${name}_${KIND},\n")
  endforeach()
  list(LENGTH A_NAMES count)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${KIND}_table.gen.cpp)
  file(CONFIGURE OUTPUT ${out} CONTENT "// Generated from the component folders.
#include <array>
#include \"${HEADER}\"
namespace fog {
${decls}std::span<const ${TYPE}* const> all_${KIND}s() {
    static constexpr std::array<const ${TYPE}*, ${count}> kTable = {
${rows}    };
    return kTable;
}
}  // namespace fog
" @ONLY)
  add_library(${LIBRARY} STATIC ${out})
  target_include_directories(${LIBRARY} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${LIBRARY} PUBLIC fog_core ${A_LINKS})
endfunction()

function(fog_components KIND TYPE HEADER)
  file(GLOB lists CONFIGURE_DEPENDS */CMakeLists.txt)
  foreach(list IN LISTS lists)
    get_filename_component(folder ${list} DIRECTORY)
    file(READ ${list} text)
    if(text MATCHES "fog_component\\(KIND ${KIND} ")
      add_subdirectory(${folder})
    endif()
  endforeach()
  get_property(names GLOBAL PROPERTY fog_${KIND}_names)
  set(libs "")
  foreach(name IN LISTS names)
    list(APPEND libs fog_${KIND}_${name})
  endforeach()
  fog_component_table(${KIND} ${TYPE} ${HEADER} fog_${KIND}s NAMES ${names} LINKS ${libs})
endfunction()
