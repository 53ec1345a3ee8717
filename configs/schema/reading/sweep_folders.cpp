#include "configs/schema/reading/sweep_folders.h"

#include <algorithm>
#include <optional>

#include "base/file_system.h"
#include "base/format.h"
#include "configs/schema/document/binder.h"
#include "configs/schema/jobs/job_kinds.h"

namespace tagalign::config {
namespace {

/// Set by the sweep itself, alone or as part of a map.
bool is_swept(const SweptValues& values, const std::string& path) {
  return std::ranges::any_of(values, [&](const SweptValue& swept) {
    if (swept.path == path) return true;
    if (!path.starts_with(swept.path + ".")) return false;
    return swept.value.find(path.substr(swept.path.size() + 1)) != nullptr;
  });
}

struct Place {
  std::string text;
  Origin origin;
};

/// What stands at `path` of the configuration, else `standard`; nullopt for what is no text.
std::optional<Place> place_at(const Node& node, const std::string& path,
                              const std::string& standard) {
  const Node* found = &node;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    const Node* child = found->find(path.substr(from, dot - from));
    if (child == nullptr) {
      if (found->kind != Node::Kind::kMap) return std::nullopt;
      return Place{standard, found->origin};
    }
    found = child;
    from = dot + 1;
  }
  if (found->kind != Node::Kind::kScalar) return std::nullopt;
  return Place{found->scalar, found->origin};
}

/// An empty text is refused, or required, where it is read; so is a map that is none.
template <class Make>
void replace(Node& config, const SweptValues& values, const std::string& path,
             const std::string& standard, Make make) {
  if (is_swept(values, path)) return;
  const auto place = place_at(config, path, standard);
  if (!place || place->text.empty()) return;
  Node value = to_node(make(place->text));
  value.origin = place->origin;
  TA_CHECK(set_at(config, path, std::move(value)).ok(), path);
}

/// "clip.steps-10.safetensors".
std::string own_file(const SweptJob& job, const Path& file) {
  const std::string label = job.name.substr(job.written.size() + 1);
  const std::string name = file.stem().string() + "." + label + file.extension().string();
  return (file.parent_path() / name).string();
}

}  // namespace

void give_own_folders(const SweptJob& job, const SweptValues& values, Node& node) {
  const Node* kind = node.find("kind");
  if (kind == nullptr) return;
  if (node.find("config") == nullptr)
    node.entries.push_back(
        {"config", node.origin, {.kind = Node::Kind::kMap, .origin = node.origin}});
  Node& config = *node.find("config");
  const auto own_folder = [&](const std::string& text) { return (Path(text) / job.name).string(); };
  with_job_kind(kind->scalar, [&]<class Config>(const JobKind<Config>& known) {
    const Config standard;
    if constexpr (requires { standard.checkpoint.directory; })
      replace(config, values, "checkpoint.directory", standard.checkpoint.directory, own_folder);
    if constexpr (requires { standard.output; }) {
      replace(config, values, "output", standard.output, [&](const std::string& text) {
        return known.output_is_file ? own_file(job, text) : own_folder(text);
      });
    }
    if constexpr (requires { standard.label; }) {
      const Node* label = config.find("label");
      if (!job.source.empty() && (label == nullptr || label->scalar.empty()))
        (void)set_at(config, "label", to_node(job.source));
    }
  });
}

}  // namespace tagalign::config
