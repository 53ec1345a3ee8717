/// PyTorch's files made by hand: pickles instruction by instruction, zip archives entry by entry,
/// so that tests can make good ones and hostile ones without Python.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tagalign::testing {

/// Appends instructions; `bytes` may be changed at will. Starts with protocol 2.
struct PickleWriter {
  std::string bytes = "\x80\x02";

  PickleWriter& raw(const std::string& code);
  PickleWriter& text(const std::string& value);  ///< BINUNICODE
  PickleWriter& integer(std::int64_t value);     ///< LONG1
  PickleWriter& global(const std::string& module, const std::string& name);
  PickleWriter& integers(const std::vector<std::int64_t>& values);  ///< a tuple

  struct View {
    std::string type = "FloatStorage";
    std::string key = "0";
    std::int64_t elements = 0;
    std::int64_t offset = 0;
    std::vector<std::int64_t> sizes, strides;
    std::string part = "";  ///< code of the persistent id's sixth value, as torch had it before 1.6
  };
  PickleWriter& tensor(const View& view);
  std::string end() const { return bytes + "."; }
};

struct ZipEntry {
  std::string name;
  std::string bytes;
  std::uint16_t method = 0;           ///< as announced; the bytes are written as they are
  std::uint32_t announced_bytes = 0;  ///< uncompressed size; 0: the true one
};
std::string zip_archive(const std::vector<ZipEntry>& entries);

/// archive/data.pkl, archive/data/KEY for each storage, archive/version.
std::string torch_archive(const std::string& pickle,
                          const std::vector<std::pair<std::string, std::string>>& storages);

/// What torch.save wrote before 1.6: magic number, protocol, machine, `pickle`, keys, and for each
/// storage the number of its elements of `width` bytes.
struct StreamStorage {
  std::string key;
  std::string bytes;
  std::size_t width = 4;
};
std::string torch_stream(const std::string& pickle, const std::vector<StreamStorage>& storages);

/// Little-endian bytes.
std::string float_bytes(const std::vector<float>& values);

}  // namespace tagalign::testing
