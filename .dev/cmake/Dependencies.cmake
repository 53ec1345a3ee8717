# Outside libraries, each found once and linked only by the folder that wraps it.
include_guard(GLOBAL)

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)                 # fmt::fmt                      base
find_package(spdlog REQUIRED)              # spdlog::spdlog                base (log.cpp)
find_package(nlohmann_json REQUIRED)       # nlohmann_json::nlohmann_json
find_package(cereal REQUIRED)              # cereal::cereal                coordinator/wire, coordinator/store
find_package(yaml-cpp REQUIRED)            # yaml-cpp                      configs/schema
find_package(CLI11 REQUIRED)               # CLI11::CLI11                  coordinator/cli, worker/command/main.cpp
find_package(SQLite3 REQUIRED)             # SQLite::SQLite3               coordinator/store
find_package(PNG REQUIRED)                 # PNG::PNG                      data
find_package(GIF REQUIRED)                 # GIF::GIF                      data
find_package(ZLIB REQUIRED)                # ZLIB::ZLIB                    model/clip (vocabulary), data
find_package(MPI REQUIRED COMPONENTS CXX)  # MPI::MPI_CXX                  worker/collectives
find_package(hwy REQUIRED CONFIG)          # hwy::hwy                      model/inference/dense
find_package(ICU REQUIRED COMPONENTS uc i18n)  # ICU::uc                   model/clip (tokenizer), data/tags
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)            # PkgConfig::ZMQ        coordinator/wire/zmq
# Its own dependencies' folders are of no use here, and CMake 3.25 reads them in another way from its second run on, which
# would compile everything with ZeroMQ anew.
set_target_properties(PkgConfig::ZMQ PROPERTIES INTERFACE_COMPILE_OPTIONS "" INTERFACE_INCLUDE_DIRECTORIES "")
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)      # PkgConfig::XXHASH     base
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg) # PkgConfig::TURBOJPEG data
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)          # PkgConfig::JPEG       data
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebpdemux libwebp)  # PkgConfig::WEBP  data
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)         # PkgConfig::LIBZIP     model/weights
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive) # PkgConfig::LIBARCHIVE data/sources (tar)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)         # PkgConfig::NETTLE     data/sources (SHA-1)
if(TAGALIGN_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  find_package(benchmark REQUIRED)
  pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)    # PkgConfig::SODIUM     tests/golden (SHA-256)
endif()

# Where `./dev` keeps what it fetched.
if(DEFINED ENV{TAGALIGN_CACHE})
  set(_cache $ENV{TAGALIGN_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(_cache $ENV{XDG_CACHE_HOME}/tagalign)
else()
  set(_cache $ENV{HOME}/.cache/tagalign)
endif()
set(TAGALIGN_CACHE ${_cache} CACHE PATH "Folder with LibTorch and CLIP's vocabulary, filled by ./dev")

include(LibTorchWheel)                     # torch::cpu, torch::cuda, TAGALIGN_CUDA

# CLIP's merge list lies beside the programs: bin/../share/tagalign.
set(TAGALIGN_VOCABULARY ${TAGALIGN_CACHE}/bpe_simple_vocab_16e6.txt.gz)
if(NOT EXISTS ${TAGALIGN_VOCABULARY})
  message(FATAL_ERROR "${TAGALIGN_VOCABULARY} is missing: run ./dev build, which fetches it")
endif()
configure_file(${TAGALIGN_VOCABULARY} ${CMAKE_BINARY_DIR}/share/tagalign/bpe_simple_vocab_16e6.txt.gz COPYONLY)
