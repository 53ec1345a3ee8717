/// A folder with the layout of the golden data: finds files, unpacks, parses, and
/// remembers what was used.
///
/// Names are relative to the folder, without ".gz": a file that lies there packed is unpacked into
/// a temporary folder, which the Folder owns. What is absent is reported as MISSING once, unless
/// the folder's file SUBSET lists it (a path a line; a folder when it ends in '/'; '#' starts a
/// comment): then it is reported as left out. One thread; pointers live as long as the Folder.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// Keys keep the order of the file.
using Json = nlohmann::ordered_json;
using Tensors = std::map<std::string, at::Tensor>;

/// The tensors of one file, and which of them some comparison has used.
class TensorFile {
 public:
  TensorFile(std::string path, Tensors tensors, Report& report)
      : path_(std::move(path)), tensors_(std::move(tensors)), report_(report) {}

  /// nullptr after a MISSING line when there is none.
  const at::Tensor* find(const std::string& name);
  /// nullptr when there is none; says nothing, and is no use of the tensor.
  const at::Tensor* peek(const std::string& name) const;
  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// For a consumer that needs them all, a state dict.
  const Tensors& all();
  std::vector<std::string> names() const;
  const std::string& path() const { return path_; }
  std::vector<std::string> unused() const;

 private:
  std::string path_;
  Tensors tensors_;
  Report& report_;
  std::set<std::string> used_;
};

class Folder {
 public:
  /// `photos` is looked at only when a group asks. kNotFound when `root` is no folder.
  static Result<std::unique_ptr<Folder>> open(const Path& root, const Path& photos, Report& report);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const Path& root() const { return root_; }
  const Path& photos() const { return photos_; }
  /// A fresh folder for a group's own files; removed with the Folder.
  Path scratch(const std::string& name);

  /// There, packed or not. Says nothing.
  bool has(const std::string& relative) const;
  bool is_left_out(const std::string& relative) const;
  /// Paths below `folder` whose name starts and ends so, without ".gz", sorted.
  std::vector<std::string> list(const std::string& folder, const std::string& start = {},
                                const std::string& end = {}) const;

  /// Where the (unpacked) file lies; nullopt after a line.
  std::optional<Path> file(const std::string& relative);
  /// The same file packed with gzip, by us where the folder holds it plain; nullopt after a line.
  std::optional<Path> packed(const std::string& relative);
  std::optional<std::string> bytes(const std::string& relative);
  /// nullptr after a line.
  const Json* json(const std::string& relative);
  TensorFile* tensors(const std::string& relative);

  /// A file or folder below photos(); nullopt after a line, one for each path: MISSING, or
  /// not compared after leave_out_photographs().
  std::optional<Path> photograph(const std::string& relative);
  void leave_out_photographs() { without_photographs_ = true; }

  /// Lines for what the folders of these groups hold and nothing looked at: files, and tensors of
  /// files that were opened.
  void report_unused(const std::vector<std::string>& groups);
  /// Lines for keys of a JSON file other than `known`.
  void report_other_keys(const std::string& relative, const Json& object,
                         const std::set<std::string>& known);

 private:
  Folder(Path root, Path photos, Path temporary, std::set<std::string> left_out, Report& report)
      : root_(std::move(root)),
        photos_(std::move(photos)),
        temporary_(std::move(temporary)),
        left_out_(std::move(left_out)),
        report_(report) {}
  void say_absent(const std::string& relative);

  Path root_, photos_, temporary_;
  std::set<std::string> left_out_;
  Report& report_;
  bool without_photographs_ = false;
  std::set<std::string> opened_, said_;
  std::map<std::string, Json> parsed_;
  std::map<std::string, std::unique_ptr<TensorFile>> tensor_files_;
};

/// Writes what the gzip file `from` holds to `to`; a plain file is copied.
Status unpack(const Path& from, const Path& to);

/// Hex SHA-256.
std::string sha256(std::string_view bytes);

}  // namespace tagalign::golden
