#include "coordinator/cli/checkpoints/step_diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/format.h"
#include "checkpoint/load.h"

namespace tagalign::cli {
namespace {

using checkpoint::ManifestContent;
using checkpoint::SliceRecord;
using checkpoint::TensorRecord;
using Fields = std::map<std::string, std::string>;
using Tensors = std::map<std::string, const TensorRecord*>;

Fields position_fields(const checkpoint::RunPosition& position) {
  return {{"step", format("{}", position.step)},
          {"samples", format("{}", position.samples)},
          {"seed", format("{}", position.seed)},
          {"global_batch", format("{}", position.global_batch)},
          {"dataset_digest", position.dataset_digest},
          {"config_digest", position.config_digest},
          {"model_digest", position.model_digest}};
}

Fields scalar_fields(const checkpoint::RunPosition& position) {
  Fields fields;
  for (const auto& [name, value] : position.scalars) fields[name] = format("{:.17g}", value);
  return fields;
}

Tensors by_name(const ManifestContent& content) {
  Tensors tensors;
  for (const TensorRecord& tensor : content.tensors) tensors[tensor.name] = &tensor;
  return tensors;
}

std::string shown(const TensorRecord& tensor) {
  return format("{} [{}]", dtype_name(tensor.dtype), fmt::join(tensor.shape, ", "));
}

bool cut_alike(const TensorRecord& left, const TensorRecord& right) {
  return std::ranges::equal(left.slices, right.slices,
                            [](const SliceRecord& a, const SliceRecord& b) {
                              return a.begin == b.begin && a.end == b.end;
                            });
}

bool has_equal_blocks(const TensorRecord& left, const TensorRecord& right) {
  return std::ranges::equal(left.slices, right.slices, {}, &SliceRecord::blocks,
                            &SliceRecord::blocks);
}

class Difference {
 public:
  Difference(FileSystem& files, const Sides& sides) : files_(files), sides_(sides) {}

  Result<Listing> run() {
    const auto& left = sides_.left.manifest.position;
    const auto& right = sides_.right.manifest.position;
    compare_fields("position", position_fields(left), position_fields(right));
    compare_fields("setting", left.settings, right.settings);
    compare_fields("scalar", scalar_fields(left), scalar_fields(right));
    compare_tensors();
    TA_RETURN_IF_ERROR(compare_unlike());
    return std::move(listing_);
  }

 private:
  void add(const char* kind, const std::string& what, Value left, Value right) {
    listing_.rows.push_back({text(kind), text(what), std::move(left), std::move(right)});
  }

  void compare_fields(const char* kind, const Fields& left, const Fields& right) {
    std::set<std::string> names;
    for (const auto& [name, value] : left) names.insert(name);
    for (const auto& [name, value] : right) names.insert(name);
    const auto value_of = [](const Fields& fields, const std::string& name) {
      const auto found = fields.find(name);
      return found == fields.end() ? nothing() : text(found->second);
    };
    for (const std::string& name : names) {
      Value ours = value_of(left, name), theirs = value_of(right, name);
      if (ours.raw != theirs.raw) add(kind, name, std::move(ours), std::move(theirs));
    }
  }

  void compare_tensors() {
    const Tensors left = by_name(sides_.left.content), right = by_name(sides_.right.content);
    for (const auto& [name, tensor] : left) {
      const auto other = right.find(name);
      if (other == right.end()) {
        add("tensor", name, text(shown(*tensor)), nothing());
      } else {
        compare_tensor(*tensor, *other->second);
      }
    }
    for (const auto& [name, tensor] : right) {
      if (!left.contains(name)) add("tensor", name, nothing(), text(shown(*tensor)));
    }
  }

  void compare_tensor(const TensorRecord& left, const TensorRecord& right) {
    const bool has_blocks = sides_.left.content.version > 1 && sides_.right.content.version > 1;
    if (left.dtype != right.dtype || left.shape != right.shape) {
      add("tensor", left.name, text(shown(left)), text(shown(right)));
    } else if (!has_blocks || !cut_alike(left, right)) {
      unlike_.insert(left.name);
    } else if (!has_equal_blocks(left, right)) {
      add_content(left.name);
    }
  }

  void add_content(const std::string& name) {
    add("tensor", name, text("other values"), text("other values"));
  }

  Status compare_unlike() {
    if (unlike_.empty()) return ok_status();
    TA_ASSIGN_OR_RETURN(const auto left, read_unlike(sides_.left));
    TA_ASSIGN_OR_RETURN(const auto right, read_unlike(sides_.right));
    for (const std::string& name : unlike_) {
      if (left.at(name).bytes != right.at(name).bytes) add_content(name);
    }
    return ok_status();
  }

  Result<checkpoint::TensorMap> read_unlike(const checkpoint::ManifestFile& file) {
    checkpoint::LoadOptions options;
    for (const TensorRecord& tensor : file.content.tensors) {
      if (!unlike_.contains(tensor.name)) options.parts[tensor.name] = {0, 0};
    }
    return checkpoint::load(files_, file.manifest, options);
  }

  FileSystem& files_;
  const Sides& sides_;
  std::set<std::string> unlike_;  ///< that no digests can tell apart
  Listing listing_{{{"kind", "KIND"}, {"what", "WHAT"}, {"left", "LEFT"}, {"right", "RIGHT"}},
                   {},
                   "no difference"};
};

}  // namespace

Result<Listing> diff_page(FileSystem& files, const Sides& sides) {
  return Difference(files, sides).run();
}

}  // namespace tagalign::cli
