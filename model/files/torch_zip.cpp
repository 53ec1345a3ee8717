#include <optional>
#include <utility>

#include "base/counted.h"
#include "base/format.h"
#include "model/files/torch_container.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kPickleEntry = "data.pkl";

class ZipStorages final : public StorageReader {
 public:
  ZipStorages(ZipReader zip, std::string folder)
      : zip_(std::move(zip)), folder_(std::move(folder)) {}

  Result<std::uint64_t> bytes(const std::string& key) const override {
    return zip_.entry_bytes(place(key));
  }
  Status read(const std::string& key, std::span<std::byte> target) const override {
    return zip_.read(place(key), target);
  }
  std::string place(const std::string& key) const override { return folder_ + "data/" + key; }

 private:
  ZipReader zip_;
  std::string folder_;  ///< of the archive's entries, with its slash
};

/// What another zip holds, and what that asks for.
Status no_pickle(const ZipReader& zip, const std::string& what) {
  const auto& entries = zip.entries();
  const std::string first =
      entries.empty() ? "" : format(" ('{}' and so on)", printable(entries.begin()->first));
  return invalid_argument(
      format("reading {}: a zip archive of {}{} without FOLDER/data.pkl; expected what "
             "torch.save or torch.jit.save writes, or safetensors: if the weights lie in it, "
             "unpack it",
             what, counted(entries.size(), "entry", "entries"), first));
}

/// The folder of the one entry FOLDER/data.pkl.
Result<std::string> find_folder(const ZipReader& zip, const std::string& what) {
  std::optional<std::string> folder;
  for (const auto& [name, index] : zip.entries()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != kPickleEntry) continue;
    if (folder) {
      return data_loss(format("reading {}: it holds {}{} and {}, expected one of them", what,
                              printable(*folder), kPickleEntry, printable(name)));
    }
    folder = name.substr(0, slash + 1);
  }
  if (folder) return *folder;
  return no_pickle(zip, what);
}

Status check_byte_order(const ZipReader& zip, const std::string& folder, const std::string& what) {
  constexpr std::uint64_t kWordBytesMax = 16;
  const std::string entry = folder + "byteorder";
  if (!zip.contains(entry)) return ok_status();  // written before torch 2.1
  TA_ASSIGN_OR_RETURN(const std::string order, zip.read_text(entry, kWordBytesMax));
  if (order == "little") return ok_status();
  return unsupported(
      format("reading {}: its byte order is '{}', expected little; load it on the "
             "machine that wrote it and save it as safetensors",
             what, printable(order)));
}

}  // namespace

Result<TorchContainer> open_torch_zip(ByteSource source, const std::string& what) {
  TA_ASSIGN_OR_RETURN(ZipReader zip, ZipReader::open(std::move(source), what));
  TA_ASSIGN_OR_RETURN(const std::string folder, find_folder(zip, what));
  TA_RETURN_IF_ERROR(check_byte_order(zip, folder, what));
  const std::string entry = folder + std::string(kPickleEntry);
  TA_ASSIGN_OR_RETURN(const std::string text, zip.read_text(entry, kPickleBytesMax));
  TorchContainer container;
  TA_ASSIGN_OR_RETURN(container.pickle,
                      parse_pickle(text, what + ": " + std::string(kPickleEntry)));
  container.storages = std::make_unique<ZipStorages>(std::move(zip), folder);
  return container;
}

}  // namespace tagalign::model
