/// A disk that tells apart what programs see and what would survive a power cut.
///
/// Bytes are durable once their file was synced, names once their folder was. A rename is one
/// change: it survives whole or not at all. Nothing else is promised, so a power cut leaves
/// any of the changes of names since the last sync of their folders, in any order, and any
/// part of the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.h"

namespace tagalign::testing_support {

/// Path → bytes of every file; a folder is a name that ends in '/'.
using Tree = std::map<std::string, std::string>;

/// A value: copy it to try what may become of it. Paths are absolute; callers check that what they
/// name is there. Not safe from several threads.
class Disk {
 public:
  using Node = std::uint32_t;  ///< a file or folder, whatever it is called
  static constexpr Node kRoot = 0;

  Disk();
  /// All of it durable.
  explicit Disk(const Tree& tree);

  std::optional<Node> find(const Path& path) const;
  bool is_folder(Node node) const { return nodes_[node].folder; }
  const std::string& bytes(Node node) const { return nodes_[node].bytes; }
  std::vector<std::string> names_in(Node folder) const;

  /// A new file or folder under that name; what was called so before has no name any more.
  Node create(Node parent, const std::string& name, bool folder);
  void rename(Node from, const std::string& name, Node to, const std::string& new_name);
  void unlink(Node parent, const std::string& name);
  void append(Node file, std::string_view bytes) { nodes_[file].bytes += bytes; }
  void sync_file(Node file);
  /// What a sync that failed does to bytes: they are never written, and the next sync says ok.
  void forget_unsynced(Node file);
  void sync_folder(Node folder);

  Tree visible() const;
  /// What a power cut may leave. Of n changes of names that are not durable every subset, in the
  /// order in which they were made and in the reverse one, as long as n ≤ kChangesMax; of more the
  /// first and the last few for every count, each alone, and all but one. Each of them with the
  /// unsynced bytes of all files lost, cut to half, zeros, zeros in the first half, and whole.
  std::set<Tree> after_power_cut() const;
  static constexpr std::size_t kChangesMax = 5;

 private:
  struct Contents {
    bool folder = false;
    std::string bytes = {};    ///< as programs see them
    std::string durable = {};  ///< what the disk has of them
  };
  using Place = std::pair<Node, std::string>;
  using Names = std::map<Place, Node>;
  /// One change of names: what each place holds after it.
  using Change = std::vector<std::pair<Place, std::optional<Node>>>;

  static void apply(const Change& change, Names& names);
  void record(Change change);
  std::vector<std::vector<std::size_t>> surviving_changes() const;
  template <class Bytes>
  Tree tree_of(const Names& names, Bytes bytes) const;

  std::vector<Contents> nodes_;
  Names names_, durable_names_;
  std::vector<Change> pending_;  ///< changes that no sync has made durable, oldest first
};

}  // namespace tagalign::testing_support
