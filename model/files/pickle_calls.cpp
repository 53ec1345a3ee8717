#include "model/files/pickle_calls.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "base/format.h"
#include "base/utf8.h"
#include "model/files/storage_types.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kScriptClass = "__torch__.";
constexpr std::string_view kTorch = "torch.";
constexpr std::string_view kBuildList = "torch.jit._pickle.build_";

const std::set<std::string_view>& plain_names() {
  static const std::set<std::string_view> all = {"collections.OrderedDict",
                                                 "__builtin__.set",
                                                 "builtins.set",
                                                 "collections.Counter",
                                                 "_codecs.encode",
                                                 "__builtin__.bytearray",
                                                 "builtins.bytearray",
                                                 "__builtin__.complex",
                                                 "builtins.complex",
                                                 "torch.device",
                                                 "torch.Tensor",
                                                 "torch.nn.parameter.Parameter",
                                                 "torch._tensor._rebuild_from_type_v2",
                                                 "torch._utils._rebuild_tensor",
                                                 "torch._utils._rebuild_tensor_v3",
                                                 "torch._utils._rebuild_parameter_with_state",
                                                 "torch.Size",
                                                 "torch._utils._rebuild_tensor_v2",
                                                 "torch._utils._rebuild_parameter",
                                                 "torch.jit._pickle.build_intlist",
                                                 "torch.jit._pickle.build_doublelist",
                                                 "torch.jit._pickle.build_boollist",
                                                 "torch.jit._pickle.build_tensorlist",
                                                 "torch.jit._pickle.restore_type_tag",
                                                 "torch.float16",
                                                 "torch.float32",
                                                 "torch.float64",
                                                 "torch.bfloat16",
                                                 "torch.uint8",
                                                 "torch.int8",
                                                 "torch.int16",
                                                 "torch.int32",
                                                 "torch.int64",
                                                 "torch.bool"};
  return all;
}

/// "torch.float8_e4m3fn": a letter or more, then how many bits.
bool is_number_type(std::string_view name) {
  if (!name.starts_with(kTorch)) return false;
  name.remove_prefix(kTorch.size());
  for (const std::string_view kind : {"float", "complex", "int", "uint", "qint", "quint", "bits"}) {
    if (name.starts_with(kind) && name.size() > kind.size() &&
        std::isdigit(static_cast<unsigned char>(name[kind.size()])) != 0)
      return name.find('.') == std::string_view::npos;
  }
  return false;
}

Status bad_call(const std::string& name, std::string_view expected) {
  return data_loss(format("{} is called without {}", printable(name), expected));
}

template <class Container>
Called container_of(std::vector<PickleRef> items) {
  std::uint32_t depth = 0;
  for (const PickleRef item : items) depth = std::max(depth, item->depth);
  return {.data = Container{std::move(items)}, .depth = depth + 1};
}

/// Items of a list or tuple; nullptr for anything else.
const std::vector<PickleRef>* sequence(PickleRef value) {
  if (const auto* list = value->as<PickleList>()) return &list->items;
  if (const auto* tuple = value->as<PickleTuple>()) return &tuple->items;
  return nullptr;
}

Result<std::vector<std::int64_t>> integers(const std::string& name, PickleRef value) {
  const auto* items = sequence(value);
  if (items == nullptr) return bad_call(name, "a tuple of integers");
  std::vector<std::int64_t> numbers;
  for (const PickleRef item : *items) {
    const auto* number = item->as<std::int64_t>();
    if (number == nullptr) return bad_call(name, "a tuple of integers");
    numbers.push_back(*number);
  }
  return numbers;
}

/// (storage, offset, sizes, strides, requires_grad, hooks[, metadata])
Result<Called> tensor_of(const std::string& name, const std::vector<PickleRef>& arguments) {
  if (arguments.size() < 4) return bad_call(name, "a storage, an offset, sizes and strides");
  if (arguments[0]->as<PickleRefused>() != nullptr) return Called{.existing = arguments[0]};
  const auto* offset = arguments[1]->as<std::int64_t>();
  if (arguments[0]->as<PickleStorage>() == nullptr || offset == nullptr)
    return bad_call(name, "a storage and an offset");
  PickleTensor tensor{.storage = arguments[0], .offset = *offset};
  TA_ASSIGN_OR_RETURN(tensor.sizes, integers(name, arguments[2]));
  TA_ASSIGN_OR_RETURN(tensor.strides, integers(name, arguments[3]));
  return Called{.data = std::move(tensor), .depth = 2};
}

/// (rebuild, type, its arguments, attributes): a tensor to which somebody gave attributes.
Result<Called> tensor_from_type(const std::string& name, const std::vector<PickleRef>& arguments) {
  const auto* inner = arguments.size() < 3 ? nullptr : arguments[2]->as<PickleTuple>();
  if (inner == nullptr) return bad_call(name, "a function, a type and a tuple of arguments");
  if (arguments[0]->as<PickleRefused>() != nullptr) return Called{.existing = arguments[0]};
  const auto* rebuild = arguments[0]->as<PickleGlobal>();
  if (rebuild == nullptr) return bad_call(name, "a function that makes a tensor");
  return call_known(rebuild->name, inner->items);
}

/// What the bytes are nobody asks: (a text, its encoding), or (bytes).
Result<Called> bytes_of(const std::string& name, const std::vector<PickleRef>& arguments) {
  if (arguments.empty()) return Called{.data = PickleBytes{}};
  if (arguments[0]->as<PickleBytes>() != nullptr) return Called{.existing = arguments[0]};
  const auto* text = arguments[0]->as<std::string>();
  if (text == nullptr) return bad_call(name, "a text or bytes");
  return Called{.data = PickleBytes{*text}};
}

Called counter(const std::vector<PickleRef>& arguments) {
  const bool is_filled = !arguments.empty() && arguments[0]->as<PickleDict>() != nullptr;
  return is_filled ? Called{.existing = arguments[0]} : Called{.data = PickleDict{}};
}

/// Python 2 hands over the items, Python 3 sets them afterwards.
Result<Called> ordered_dict(const std::string& name, const std::vector<PickleRef>& arguments) {
  PickleDict dict;
  std::uint32_t depth = 0;
  const auto* pairs = arguments.empty() ? nullptr : sequence(arguments[0]);
  if (!arguments.empty() && pairs == nullptr) return bad_call(name, "a list of pairs");
  for (std::size_t i = 0; pairs != nullptr && i < pairs->size(); ++i) {
    const auto* pair = sequence((*pairs)[i]);
    if (pair == nullptr || pair->size() != 2) return bad_call(name, "a list of pairs");
    depth = std::max({depth, (*pair)[0]->depth, (*pair)[1]->depth});
    dict.items.emplace_back((*pair)[0], (*pair)[1]);
  }
  return Called{.data = std::move(dict), .depth = depth + 1};
}

/// (key, offset, elements)
Result<PickleStorage::Part> part_of(const PickleTuple& view) {
  const auto* offset = view.items.size() < 3 ? nullptr : view.items[1]->as<std::int64_t>();
  const auto* elements = view.items.size() < 3 ? nullptr : view.items[2]->as<std::int64_t>();
  if (offset == nullptr || elements == nullptr)
    return bad_call("a storage that is part of another", "its key, offset and size");
  return PickleStorage::Part{*offset, *elements};
}

}  // namespace

bool is_known_global(std::string_view name) {
  return plain_names().contains(name) || !storage_of_name(name).empty() ||
         name.starts_with(kScriptClass);
}

bool is_tensor_name(std::string_view global) {
  return global.starts_with("torch._utils._rebuild_") || global.starts_with("torch._tensor.") ||
         global == "torch.serialization._get_layout" || global == "torch.nn.parameter.Buffer" ||
         is_number_type(global);
}

Result<Called> call_known(const std::string& name, const std::vector<PickleRef>& arguments) {
  if (name.starts_with(kScriptClass)) return Called{.data = PickleModule{.class_name = name}};
  if (name == "collections.OrderedDict") return ordered_dict(name, arguments);
  if (name.starts_with("torch._utils._rebuild_tensor")) return tensor_of(name, arguments);
  if (name == "torch._tensor._rebuild_from_type_v2") return tensor_from_type(name, arguments);
  if (name.starts_with("torch._utils._rebuild_parameter") ||
      name == "torch.nn.parameter.Parameter" || name == "torch.jit._pickle.restore_type_tag" ||
      name.starts_with(kBuildList)) {
    if (arguments.empty()) return bad_call(name, "an argument");
    return Called{.existing = arguments[0]};
  }
  if (name == "_codecs.encode" || name.ends_with(".bytearray")) return bytes_of(name, arguments);
  if (name == "collections.Counter") return counter(arguments);
  if (name == "torch.device" || name.ends_with(".complex"))
    return container_of<PickleTuple>(arguments);
  const bool is_size = name == "torch.Size";
  if (is_size || name.ends_with(".set")) {
    const auto* items = arguments.empty() ? nullptr : sequence(arguments[0]);
    if (items == nullptr) return bad_call(name, "a list or tuple");
    return is_size ? container_of<PickleTuple>(*items) : container_of<PickleSet>(*items);
  }
  return data_loss(format("{} is called", name));
}

Result<Called> storage_of(const PickleValue& id) {
  const auto* tuple = id.as<PickleTuple>();
  const auto expected = data_loss(
      format("a persistent id is {}, not ('storage', type, key, device, elements)", id.describe()));
  if (tuple == nullptr || tuple->items.size() < 5) return expected;
  const auto& items = tuple->items;
  const auto* kind = items[0]->as<std::string>();
  const auto* key = items[2]->as<std::string>();
  const auto* elements = items[4]->as<std::int64_t>();
  if (kind == nullptr || *kind != "storage" || key == nullptr || elements == nullptr ||
      *elements < 0)
    return expected;
  if (items[1]->as<PickleRefused>() != nullptr) return Called{.existing = items[1]};
  const auto* type = items[1]->as<PickleGlobal>();
  const auto stored = type == nullptr ? std::string_view{} : storage_of_name(type->name);
  if (stored.empty()) return expected;
  PickleStorage storage{.type = std::string(stored), .key = *key, .elements = *elements};
  if (items.size() > 5 && items[5]->as<PickleTuple>() != nullptr) {
    TA_ASSIGN_OR_RETURN(storage.part, part_of(*items[5]->as<PickleTuple>()));
  }
  return Called{.data = std::move(storage)};
}

PickleRef PickleDict::find(std::string_view key) const {
  const auto found = std::find_if(items.rbegin(), items.rend(), [&](const auto& item) {
    const auto* text = item.first->template as<std::string>();
    return text != nullptr && *text == key;
  });
  return found == items.rend() ? nullptr : found->second;
}

std::string PickleValue::describe() const {
  if (const auto* refused = as<PickleRefused>()) return printable(refused->name);
  if (const auto* global = as<PickleGlobal>()) return printable(global->name);
  static constexpr const char* kNames[] = {"None",
                                           "a bool",
                                           "an integer",
                                           "a float",
                                           "a string",
                                           "bytes",
                                           "a list",
                                           "a tuple",
                                           "a set",
                                           "a dict",
                                           "a name",
                                           "a storage",
                                           "a tensor",
                                           "a TorchScript object",
                                           "a foreign object"};
  static_assert(std::size(kNames) == std::variant_size_v<decltype(data)>);
  return kNames[data.index()];
}

std::string printable(std::string_view text) {
  constexpr std::size_t kCharsMax = 80;
  return tagalign::printable(text, kCharsMax);
}

}  // namespace tagalign::model
