#include "model/files/pickle.h"

#include <bit>
#include <unordered_map>

#include "base/format.h"
#include "model/files/pickle_calls.h"
#include "model/files/pickle_stack.h"

namespace tagalign::model {
namespace {

/// Instructions by their names in Python's pickletools.
enum Instruction : unsigned char {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

constexpr unsigned kProtocolMax = 5;

/// What each instruction does.
class Unpickler : private PickleStack {
 public:
  Unpickler(std::string_view bytes, const std::string& what) : PickleStack(bytes, what) {}

  Result<Pickle> run() {
    while (failure_.ok() && !stopped_) {
      instruction_at_ = at_;
      const auto code = number<unsigned char>();
      if (!failure_.ok()) break;
      const bool known = run_plain(code) || run_text(code) || run_container(code) ||
                         run_memo(code) || run_call(code);
      if (!known)
        fail(unsupported(place() + format("instruction 0x{:02x} is none that PyTorch writes; save "
                                          "the file again with torch.save, or as safetensors",
                                          code)));
    }
    if (!failure_.ok()) return failure_;
    return std::move(pickle_);
  }

 private:
  bool run_plain(unsigned char code) {
    switch (code) {
      case kProto:
        if (number<std::uint8_t>() > kProtocolMax) damaged("an unknown pickle protocol");
        return true;
      case kFrame:
        number<std::uint64_t>();
        return true;
      case kStop:
        pickle_.root = pop();
        pickle_.bytes = at_;
        stopped_ = true;
        return true;
      case kNone:
        return push(make(PickleNone{})), true;
      case kNewTrue:
      case kNewFalse:
        return push(make(code == kNewTrue)), true;
      case kBinInt:
        return push_int(number<std::int32_t>()), true;
      case kBinInt1:
        return push_int(number<std::uint8_t>()), true;
      case kBinInt2:
        return push_int(number<std::uint16_t>()), true;
      case kLong1:
        return push_long(take(number<std::uint8_t>())), true;
      case kLong4:
        return push_long(take(number<std::uint32_t>())), true;
      case kBinFloat:
        return push_float(), true;
      default:
        return false;
    }
  }

  bool run_text(unsigned char code) {
    switch (code) {
      case kShortBinUnicode:
      case kShortBinString:
        return push(make(std::string(take(number<std::uint8_t>())))), true;
      case kBinUnicode:
      case kBinString:
        return push(make(std::string(take(number<std::uint32_t>())))), true;
      case kBinUnicode8:
        return push(make(std::string(take(number<std::uint64_t>())))), true;
      case kShortBinBytes:
        return push(make(PickleBytes{std::string(take(number<std::uint8_t>()))})), true;
      case kBinBytes:
        return push(make(PickleBytes{std::string(take(number<std::uint32_t>()))})), true;
      case kBinBytes8:
        return push(make(PickleBytes{std::string(take(number<std::uint64_t>()))})), true;
      default:
        return false;
    }
  }

  void push_int(std::int64_t value) { push(make(value)); }

  /// Two's complement, little-endian, any length.
  void push_long(std::string_view raw) {
    if (raw.size() > sizeof(std::int64_t))
      return push(make(PickleRefused{"an integer beyond 64 bits"}));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < raw.size(); ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
    const bool negative = !raw.empty() && (static_cast<unsigned char>(raw.back()) & 0x80u) != 0;
    if (negative && raw.size() < sizeof(value)) value |= ~std::uint64_t{0} << (8 * raw.size());
    push_int(std::bit_cast<std::int64_t>(value));
  }

  /// Big-endian, unlike every other number.
  void push_float() {
    const auto raw = take(sizeof(double));
    std::uint64_t bits = 0;
    for (const char byte : raw) bits = (bits << 8) | static_cast<unsigned char>(byte);
    push(make(std::bit_cast<double>(bits)));
  }

  bool run_container(unsigned char code) {
    switch (code) {
      case kMark:
        if (marks_.size() >= kPickleStackMax) return beyond("marks", kPickleStackMax), true;
        return marks_.push_back(stack_.size()), true;
      case kEmptyList:
        return push_container<PickleList>({}), true;
      case kEmptyTuple:
        return push_container<PickleTuple>({}), true;
      case kEmptySet:
        return push_container<PickleSet>({}), true;
      case kEmptyDict:
        return push(make(PickleDict{})), true;
      case kList:
        return push_container<PickleList>(pop_mark()), true;
      case kTuple:
        return push_container<PickleTuple>(pop_mark()), true;
      case kFrozenSet:
        return push_container<PickleSet>(pop_mark()), true;
      case kDict: {
        const auto items = pop_mark();
        push(make(PickleDict{}));
        return set_items(items), true;
      }
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push_container<PickleTuple>(pop_items(code - kTuple1 + 1u)), true;
      default:
        return run_filling(code);
    }
  }

  bool run_filling(unsigned char code) {
    switch (code) {
      case kAppend:
        return append(pop_items(1)), true;
      case kAppends:
      case kAddItems:
        return append(pop_mark()), true;
      case kSetItem:
        return set_items(pop_items(2)), true;
      case kSetItems:
        return set_items(pop_mark()), true;
      default:
        return false;
    }
  }

  void append(const std::vector<PickleRef>& items) {
    PickleValue* const target = top();
    if (target->as<PickleRefused>() != nullptr) return;
    std::vector<PickleRef>* held = nullptr;
    if (auto* list = std::get_if<PickleList>(&target->data)) held = &list->items;
    if (auto* set = std::get_if<PickleSet>(&target->data)) held = &set->items;
    if (held == nullptr) return damaged(format("values are appended to {}", target->describe()));
    held->insert(held->end(), items.begin(), items.end());
    deepen(*target, items);
  }

  void set_items(const std::vector<PickleRef>& items) {
    PickleValue* const target = top();
    if (target->as<PickleRefused>() != nullptr) return;
    auto* dict = std::get_if<PickleDict>(&target->data);
    if (dict == nullptr || items.size() % 2 != 0)
      return damaged(format("{} values are set in {}", items.size(), target->describe()));
    for (std::size_t i = 0; i < items.size(); i += 2)
      dict->items.emplace_back(items[i], items[i + 1]);
    deepen(*target, items);
  }

  bool run_memo(unsigned char code) {
    switch (code) {
      case kBinPut:
        return remember(number<std::uint8_t>()), true;
      case kLongBinPut:
        return remember(number<std::uint32_t>()), true;
      case kMemoize:
        return remember(static_cast<std::uint32_t>(memo_.size())), true;
      case kBinGet:
        return recall(number<std::uint8_t>()), true;
      case kLongBinGet:
        return recall(number<std::uint32_t>()), true;
      case kPop:
        // As in Python: a mark on top is what is taken away.
        if (!marks_.empty() && stack_.size() == fence()) return marks_.pop_back(), true;
        return pop(), true;
      case kPopMark:
        return pop_mark(), true;
      case kDup:
        return push(top()), true;
      default:
        return false;
    }
  }

  void remember(std::uint32_t index) {
    if (memo_.size() >= kPickleMemoMax) return beyond("remembered values", kPickleMemoMax);
    memo_[index] = top();
  }
  void recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) return damaged(format("value {} was never remembered", index));
    push(found->second);
  }

  bool run_call(unsigned char code) {
    switch (code) {
      case kGlobal: {
        const std::string module(line());
        return push_global(module + "." + std::string(line())), true;
      }
      case kStackGlobal:
        return push_stack_global(), true;
      case kReduce:
      case kNewObj: {
        PickleValue* const arguments = pop();
        PickleValue* const callee = pop();
        return push(call(callee, *arguments)), true;
      }
      case kBinPersId: {
        PickleValue* const id = pop();
        return push(adopt(storage_of(*id))), true;
      }
      case kBuild:
        return build(), true;
      default:
        return false;
    }
  }

  void push_global(const std::string& name) {
    if (is_known_global(name)) return push(make(PickleGlobal{name}));
    if (failure_.ok() && !is_tensor_name(name)) pickle_.refused.try_emplace(name, instruction_at_);
    push(make(PickleRefused{name}));
  }
  void push_stack_global() {
    const auto parts = pop_items(2);
    const auto* module = parts.size() == 2 ? parts[0]->as<std::string>() : nullptr;
    const auto* name = parts.size() == 2 ? parts[1]->as<std::string>() : nullptr;
    if (module == nullptr || name == nullptr || module->size() > kPickleNameCharsMax ||
        name->size() > kPickleNameCharsMax)
      return damaged("a name that is not two short strings");
    push_global(*module + "." + *name);
  }

  /// What a call stands for: a value of its own, or one that is there already.
  PickleValue* call(PickleValue* callee, const PickleValue& arguments) {
    if (callee->as<PickleRefused>() != nullptr) return callee;
    const auto* global = callee->as<PickleGlobal>();
    const auto* items = arguments.as<PickleTuple>();
    if (global == nullptr || items == nullptr) {
      damaged(format("{} is called with {}", callee->describe(), arguments.describe()));
      return &nothing_;
    }
    return adopt(call_known(global->name, items->items));
  }

  PickleValue* adopt(Result<Called> called) {
    if (!called.ok()) {
      damaged(called.status().message());
      return &nothing_;
    }
    // Values are handed out as const, but all of them are this machine's own.
    if (called->existing != nullptr) return const_cast<PickleValue*>(called->existing);
    return make(std::move(called->data), called->depth);
  }

  /// The state of an object. A dict's own attributes (state_dict's _metadata) say
  /// nothing about its items.
  void build() {
    PickleValue* const state = pop();
    PickleValue* const target = top();
    if (target->as<PickleRefused>() != nullptr || target->as<PickleDict>() != nullptr) return;
    auto* object = std::get_if<PickleModule>(&target->data);
    if (object == nullptr || state->as<PickleDict>() == nullptr)
      return damaged(format("{} is given the state {}", target->describe(), state->describe()));
    object->attributes = state;
    deepen(*target, {state});
  }

  std::unordered_map<std::uint32_t, PickleValue*> memo_;
  bool stopped_ = false;
};

}  // namespace

Result<Pickle> parse_pickle(std::string_view bytes, const std::string& what) {
  if (bytes.size() > kPickleBytesMax) {
    return invalid_argument(
        format("reading {}: {} bytes, at most {} are read; no weights file needs "
               "so many",
               what, bytes.size(), kPickleBytesMax));
  }
  return Unpickler(bytes, what).run();
}

}  // namespace tagalign::model
