# How this project's targets are made. One library per folder, sources listed by hand.
#   ta_library(NAME SOURCES a.cpp … [DEPENDS public targets …] [PRIVATE_DEPENDS targets …])
#   ta_precompile_torch(NAME)                              for libraries
#   ta_share_test_headers(NAME target …)                   for programs below tests/; ta_test does it
#   ta_program(NAME SOURCES main.cpp … DEPENDS …)          lands in build/bin
#   ta_test(NAME LABEL unit SOURCES a_test.cpp … DEPENDS … [ENVIRONMENT A=b …] [TIMEOUT seconds] [SERIAL])
include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(TAGALIGN_CCACHE ccache)
if(TAGALIGN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${TAGALIGN_CCACHE})
endif()
find_program(TAGALIGN_MOLD mold)
if(TAGALIGN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Warnings are errors in our code; third-party headers are SYSTEM and stay silent. Designated initialisers leave members
# at their defaults on purpose, which -Wextra would call missing.
add_library(ta_options INTERFACE)
target_compile_options(ta_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers -Werror>)
target_include_directories(ta_options INTERFACE ${CMAKE_SOURCE_DIR})
if(TAGALIGN_SANITIZE STREQUAL "address")
  target_compile_options(ta_options INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer)
  target_link_options(ta_options INTERFACE -fsanitize=address,undefined)
elseif(TAGALIGN_SANITIZE STREQUAL "thread")
  # libstdc++'s atomic_thread_fence is not modelled by TSan, which GCC says once a file.
  target_compile_options(ta_options INTERFACE -fsanitize=thread -Wno-tsan)
  target_link_options(ta_options INTERFACE -fsanitize=thread)
elseif(TAGALIGN_SANITIZE)
  message(FATAL_ERROR "TAGALIGN_SANITIZE='${TAGALIGN_SANITIZE}': expected address, thread or nothing")
endif()

# The whole program tells the fuzzer what it covers. Warnings of another compiler than the one that the project is written
# for are no errors.
if(TAGALIGN_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "TAGALIGN_FUZZ=ON takes clang, found ${CMAKE_CXX_COMPILER_ID}: cmake --preset fuzz (Debian: clang, libclang-rt-dev)")
  endif()
  target_compile_options(ta_options INTERFACE -Wno-error -fsanitize=fuzzer-no-link)
  target_link_options(ta_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(ta_library name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PUBLIC ta_options ${A_DEPENDS} PRIVATE ${A_PRIVATE_DEPENDS})
endfunction()

# Torch's central headers cost four seconds a file: the first library that asks for them parses them, the others share.
function(ta_precompile_torch name)
  get_property(first GLOBAL PROPERTY TAGALIGN_TORCH_HEADERS)
  if(first)
    target_precompile_headers(${name} REUSE_FROM ${first})
  else()
    target_precompile_headers(${name} PRIVATE <ATen/core/Tensor.h> <ATen/core/grad_mode.h> <ATen/TensorOperators.h>)
    set_property(GLOBAL PROPERTY TAGALIGN_TORCH_HEADERS ${name})
  endif()
endfunction()

# Does anything that `targets` bring along need Torch?
function(ta_needs_torch result)
  set(pending ${ARGN})
  set(seen "")
  set(${result} FALSE PARENT_SCOPE)
  while(pending)
    list(POP_FRONT pending next)
    if(NOT TARGET "${next}" OR "${next}" IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${next})
    if(next MATCHES "^torch::")
      set(${result} TRUE PARENT_SCOPE)
      return()
    endif()
    get_target_property(links ${next} INTERFACE_LINK_LIBRARIES)
    if(links)
      list(APPEND pending ${links})
    endif()
  endwhile()
endfunction()

# Programs of tests share gtest's and gmock's parsed headers, those with tensors Torch's too. They are not optimised: that
# takes longer than they gain, and what they test is.
function(ta_share_test_headers name)
  ta_needs_torch(with_torch ${ARGN})
  set(shared ta_test_headers)
  set(headers <gmock/gmock.h> <gtest/gtest.h> <filesystem> <map> <string> <vector> <nlohmann/json.hpp>)
  set(links ta_options GTest::gmock nlohmann_json::nlohmann_json)
  if(with_torch)
    set(shared ta_torch_test_headers)
    list(APPEND headers <ATen/ATen.h>)
    list(APPEND links torch::cpu)
  endif()
  if(NOT TARGET ${shared})
    add_library(${shared} OBJECT ${CMAKE_SOURCE_DIR}/tests/support/shared_headers.cpp)
    target_link_libraries(${shared} PRIVATE ${links})
    target_precompile_headers(${shared} PRIVATE ${headers})
    target_compile_options(${shared} PRIVATE -O0)
  endif()
  target_compile_options(${name} PRIVATE -O0)
  target_link_libraries(${name} PRIVATE GTest::gmock)  # the same definitions as the parsed headers
  target_precompile_headers(${name} REUSE_FROM ${shared})
endfunction()

function(ta_program name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_link_libraries(${name} PRIVATE ta_options ${A_DEPENDS})
endfunction()

function(ta_test name)
  cmake_parse_arguments(A "SERIAL" "LABEL;TIMEOUT" "SOURCES;DEPENDS;ENVIRONMENT" ${ARGN})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  add_executable(${name} ${A_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ta_options ${A_DEPENDS} GTest::gmock GTest::gtest_main)
  ta_share_test_headers(${name} ${A_DEPENDS})
  set(serial "")
  if(A_SERIAL)
    set(serial RUN_SERIAL TRUE)
  endif()
  # Through a launcher, because gtest_discover_tests cuts an ENVIRONMENT list after its first entry. OMP_NUM_THREADS=1:
  # bits are compared only at a fixed thread count, and ctest runs several tests at a time.
  set_target_properties(${name} PROPERTIES CROSSCOMPILING_EMULATOR
    "${CMAKE_COMMAND};-E;env;OMP_NUM_THREADS=1;TAGALIGN_BIN=${CMAKE_BINARY_DIR}/bin;TAGALIGN_SOURCE=${CMAKE_SOURCE_DIR};${A_ENVIRONMENT}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 NO_PRETTY_VALUES
    PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT} ${serial})
endfunction()
