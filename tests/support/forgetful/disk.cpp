#include "tests/support/forgetful/disk.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tagalign::testing_support {
namespace {

constexpr int kTailKinds = 5;

/// What is left of bytes that were not synced; `kind` as after_power_cut() lists them.
std::string surviving(const std::string& tail, int kind) {
  const std::size_t half = tail.size() / 2;
  switch (kind) {
    case 0:
      return "";
    case 1:
      return tail.substr(0, half);
    case 2:
      return std::string(tail.size(), '\0');
    case 3:
      return std::string(half, '\0') + tail.substr(half);
    default:
      return tail;
  }
}

std::vector<std::size_t> numbers(std::size_t begin, std::size_t end) {
  std::vector<std::size_t> all(end - begin);
  std::iota(all.begin(), all.end(), begin);
  return all;
}

}  // namespace

Disk::Disk() : nodes_{{.folder = true}} {}

Disk::Disk(const Tree& tree) : Disk() {
  for (const auto& [name, bytes] : tree) {  // a folder comes before what lies in it
    const bool folder = name.ends_with('/');
    const Path path = folder ? name.substr(0, name.size() - 1) : name;
    const Node node = create(*find(path.parent_path()), path.filename().string(), folder);
    append(node, bytes);
    sync_file(node);
  }
  durable_names_ = names_;
  pending_.clear();
}

std::optional<Disk::Node> Disk::find(const Path& path) const {
  Node node = kRoot;
  for (const Path& part : path.lexically_normal().relative_path()) {
    if (part.empty() || part == ".") continue;
    const auto entry = names_.find({node, part.string()});
    if (entry == names_.end()) return std::nullopt;
    node = entry->second;
  }
  return node;
}

std::vector<std::string> Disk::names_in(Node folder) const {
  std::vector<std::string> names;
  for (auto entry = names_.lower_bound({folder, ""});
       entry != names_.end() && entry->first.first == folder; ++entry) {
    names.push_back(entry->first.second);
  }
  return names;
}

void Disk::apply(const Change& change, Names& names) {
  for (const auto& [place, node] : change) {
    if (node) {
      names[place] = *node;
    } else {
      names.erase(place);
    }
  }
}

void Disk::record(Change change) {
  apply(change, names_);
  pending_.push_back(std::move(change));
}

Disk::Node Disk::create(Node parent, const std::string& name, bool folder) {
  nodes_.push_back({.folder = folder});
  const Node node = static_cast<Node>(nodes_.size() - 1);
  record({{{parent, name}, node}});
  return node;
}

void Disk::rename(Node from, const std::string& name, Node to, const std::string& new_name) {
  const Node node = names_.at({from, name});
  record({{{from, name}, std::nullopt}, {{to, new_name}, node}});
}

void Disk::unlink(Node parent, const std::string& name) {
  record({{{parent, name}, std::nullopt}});
}

void Disk::sync_file(Node file) {
  Contents& contents = nodes_[file];
  contents.durable += contents.bytes.substr(contents.durable.size());
}

void Disk::forget_unsynced(Node file) {
  nodes_[file].durable.resize(nodes_[file].bytes.size(), '\0');
}

void Disk::sync_folder(Node folder) {
  std::erase_if(pending_, [&](const Change& change) {
    const bool here =
        std::ranges::any_of(change, [&](const auto& part) { return part.first.first == folder; });
    if (here) apply(change, durable_names_);
    return here;
  });
}

template <class Bytes>
Tree Disk::tree_of(const Names& names, Bytes bytes) const {
  Tree tree;
  const std::function<void(Node, const std::string&)> walk = [&](Node folder,
                                                                 const std::string& prefix) {
    for (auto entry = names.lower_bound({folder, ""});
         entry != names.end() && entry->first.first == folder; ++entry) {
      const Contents& contents = nodes_[entry->second];
      const std::string path = prefix + entry->first.second;
      if (contents.folder) {
        tree[path + "/"] = "";
        walk(entry->second, path + "/");
      } else {
        tree[path] = std::invoke(bytes, contents);
      }
    }
  };
  walk(kRoot, "/");
  return tree;
}

Tree Disk::visible() const {
  return tree_of(names_, &Contents::bytes);
}

std::vector<std::vector<std::size_t>> Disk::surviving_changes() const {
  const std::size_t count = pending_.size();
  std::vector<std::vector<std::size_t>> chosen;
  if (count <= kChangesMax) {
    for (std::size_t mask = 0; mask < std::size_t{1} << count; ++mask) {
      chosen.emplace_back();
      for (std::size_t i = 0; i < count; ++i) {
        if ((mask >> i & 1) != 0) chosen.back().push_back(i);
      }
    }
    return chosen;
  }
  for (std::size_t i = 0; i <= count; ++i) {
    chosen.push_back(numbers(0, i));
    chosen.push_back(numbers(i, count));
    if (i == count) break;
    chosen.push_back({i});
    chosen.push_back(numbers(0, count));
    chosen.back().erase(chosen.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  return chosen;
}

std::set<Tree> Disk::after_power_cut() const {
  std::set<Names> outcomes;
  for (std::vector<std::size_t> kept : surviving_changes()) {
    for (int order = 0; order < 2; ++order) {
      Names names = durable_names_;
      for (const std::size_t change : kept) apply(pending_[change], names);
      outcomes.insert(std::move(names));
      std::ranges::reverse(kept);
    }
  }
  std::set<Tree> trees;
  for (const Names& names : outcomes) {
    for (int kind = 0; kind < kTailKinds; ++kind) {
      trees.insert(tree_of(names, [&](const Contents& contents) {
        return contents.durable + surviving(contents.bytes.substr(contents.durable.size()), kind);
      }));
    }
  }
  return trees;
}

}  // namespace tagalign::testing_support
