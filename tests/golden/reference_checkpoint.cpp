#include "tests/golden/reference_checkpoint.h"

#include <ATen/ops/empty.h>
#include <caffe2/serialize/inline_container.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "tests/support/golden_files.h"

namespace tagalign::testing {
namespace {

using Value = nlohmann::json;

/// The pickle machine of protocol 2, with JSON for objects: a dict is an object, a tuple or list an
/// array, a tensor {"tensor": [storage key, offset, shape]}, anything else an empty object.
class Unpickler {
 public:
  explicit Unpickler(std::string bytes) : bytes_(std::move(bytes)) {}

  Value run() {
    for (unsigned char op = next(); op != '.'; op = next()) step(op);
    return pop();
  }

 private:
  unsigned char next() { return static_cast<unsigned char>(bytes_.at(at_++)); }
  template <class T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string take(std::size_t count) {
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  std::string line() {
    const std::size_t end = bytes_.find('\n', at_);
    std::string text = take(end - at_);
    ++at_;
    return text;
  }
  Value pop() {
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }
  std::vector<Value> pop_mark() {
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Value> items(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::size_t count) {
    std::vector<Value> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    stack_.push_back(items);
  }
  static std::string key(const Value& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  void set_items(const std::vector<Value>& items) {
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      stack_.back()[key(items[i])] = items[i + 1];
  }
  /// BINFLOAT is big-endian; no float matters to a tensor.
  void skip_float() {
    take(8);
    stack_.push_back(0.0);
  }
  void reduce() {
    const Value arguments = pop();
    const Value callee = pop();
    if (callee == "torch._utils _rebuild_tensor_v2") {
      stack_.push_back({{"tensor", {arguments[0][2], arguments[1], arguments[2]}}});
    } else {
      stack_.push_back(Value::object());
    }
  }
  void global() {
    const std::string module = line();
    stack_.push_back(module + " " + line());
  }
  void append(const std::vector<Value>& items) {
    for (const Value& item : items) stack_.back().push_back(item);
  }

  // clang-format off: one instruction a line
  void step(unsigned char op) {
    switch (op) {
      case 0x80:
        take(1);
        break;  // PROTO
      case '}':
        stack_.push_back(Value::object());
        break;  // EMPTY_DICT
      case ']':
      case ')':
        stack_.push_back(Value::array());
        break;  // EMPTY_LIST, _TUPLE
      case '(':
        marks_.push_back(stack_.size());
        break;  // MARK
      case 'X':
        stack_.push_back(take(number<std::uint32_t>()));
        break;  // BINUNICODE
      case 'q':
        memo_[number<std::uint8_t>()] = stack_.back();
        break;  // BINPUT
      case 'r':
        memo_[number<std::uint32_t>()] = stack_.back();
        break;  // LONG_BINPUT
      case 'h':
        stack_.push_back(memo_.at(number<std::uint8_t>()));
        break;  // BINGET
      case 'j':
        stack_.push_back(memo_.at(number<std::uint32_t>()));
        break;  // LONG_BINGET
      case 'c':
        global();
        break;  // GLOBAL
      case 'R':
      case 0x81:
        reduce();
        break;  // REDUCE, NEWOBJ
      case 'b':
        pop();
        break;  // BUILD
      case 'Q':
        break;  // BINPERSID: the tuple itself stands for the storage
      case 't': {
        const auto items = pop_mark();
        stack_.push_back(items);
        break;
      }  // TUPLE
      case 0x85:
        push_tuple(1);
        break;
      case 0x86:
        push_tuple(2);
        break;
      case 0x87:
        push_tuple(3);
        break;
      case 'u':
        set_items(pop_mark());
        break;  // SETITEMS
      case 's': {
        const Value value = pop();
        set_items({pop(), value});
        break;
      }  // SETITEM
      case 'e':
        append(pop_mark());
        break;  // APPENDS
      case 'a': {
        const Value value = pop();
        append({value});
        break;
      }  // APPEND
      case 'K':
        stack_.push_back(number<std::uint8_t>());
        break;  // BININT1
      case 'M':
        stack_.push_back(number<std::uint16_t>());
        break;  // BININT2
      case 'J':
        stack_.push_back(number<std::int32_t>());
        break;  // BININT
      case 'G':
        skip_float();
        break;  // BINFLOAT
      case 0x88:
      case 0x89:
        stack_.push_back(op == 0x88);
        break;  // NEWTRUE, NEWFALSE
      case 'N':
        stack_.push_back(nullptr);
        break;  // NONE
      default:
        throw std::runtime_error("pickle instruction " + std::to_string(op));
    }
  }

  // clang-format on

  std::string bytes_;
  std::size_t at_ = 0;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint32_t, Value> memo_;
};

}  // namespace

std::map<std::string, at::Tensor> read_reference_model(const std::string& relative) {
  std::istringstream stream(read_golden_bytes(relative));
  caffe2::serialize::PyTorchStreamReader archive(&stream);
  const auto [pickle, size] = archive.getRecord("data.pkl");
  const Value root = Unpickler(std::string(static_cast<const char*>(pickle.get()), size)).run();
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, value] : root.at("model").items()) {
    const Value& tensor = value.at("tensor");
    const std::vector<std::int64_t> shape = tensor[2];
    const auto [data, bytes] = archive.getRecord("data/" + tensor[0].get<std::string>());
    at::Tensor copy = at::empty(shape, at::kFloat);
    const std::size_t from = tensor[1].get<std::size_t>() * sizeof(float);
    if (from + copy.nbytes() > bytes)
      throw std::runtime_error(name + " is not fp32 in " + relative);
    std::memcpy(copy.mutable_data_ptr<float>(), static_cast<const char*>(data.get()) + from,
                copy.nbytes());
    tensors.emplace(name, copy);
  }
  return tensors;
}

}  // namespace tagalign::testing
