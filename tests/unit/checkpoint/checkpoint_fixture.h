/// What the checkpoint tests share: a fresh folder, sample tensors, ranks as threads.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "checkpoint/save.h"
#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Owns a folder for one test.
class TempFolderTest : public testing::Test {
 protected:
  TempFolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ta_checkpoint_XXXXXX").string();
    TA_CHECK(mkdtemp(name.data()) != nullptr, "mkdtemp");
    folder_ = name;
  }
  ~TempFolderTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  const Path& folder() const { return folder_; }
  static FileSystem& files() { return posix_file_system(); }
  static std::vector<std::string> names_in(const Path& path) {
    return files().list_directory(path).value();
  }

 private:
  Path folder_;
};

/// Tensors of all types and of odd sizes, filled from `seed`.
class SampleTensors {
 public:
  explicit SampleTensors(std::uint64_t seed) {
    RandomStream random({.seed = seed}, StreamPurpose::kTest);
    const auto add = [&](const std::string& name, DType dtype, std::vector<std::int64_t> shape) {
      std::size_t count = 1;
      for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
      TensorData data{dtype, std::move(shape), ByteBuffer(count * dtype_bytes(dtype))};
      for (std::byte& byte : data.bytes.span()) byte = static_cast<std::byte>(random.below(256));
      tensors_.emplace(name, std::move(data));
    };
    add("w", DType::kF32, {3, 5});
    add("half", DType::kF16, {7});
    add("brain", DType::kBF16, {3});
    add("double", DType::kF64, {2, 1, 2});
    add("long", DType::kI64, {3});
    add("int", DType::kI32, {1});
    add("bytes", DType::kU8, {5});
    add("bool", DType::kBool, {1});
    add("scalar", DType::kF32, {});
    add("empty", DType::kF32, {0, 4});
  }
  std::vector<TensorView> views() const {
    std::vector<TensorView> views;
    for (const auto& [name, data] : tensors_)
      views.push_back({name, data.dtype, data.shape, data.bytes.span()});
    return views;
  }
  void expect_equal(const TensorMap& other) const {
    ASSERT_EQ(other.size(), tensors_.size());
    for (const auto& [name, data] : tensors_) {
      ASSERT_TRUE(other.contains(name)) << name;
      EXPECT_EQ(other.at(name).dtype, data.dtype) << name;
      EXPECT_EQ(other.at(name).shape, data.shape) << name;
      EXPECT_EQ(other.at(name).bytes, data.bytes) << name;
    }
  }
  bool equals(const TensorMap& other) const {
    return other.size() == tensors_.size() &&
           std::equal(tensors_.begin(), tensors_.end(), other.begin(),
                      [](const auto& a, const auto& b) {
                        return a.first == b.first && a.second.dtype == b.second.dtype &&
                               a.second.shape == b.second.shape && a.second.bytes == b.second.bytes;
                      });
  }

 private:
  TensorMap tensors_;
};

/// all_gather between threads; the test's stand-in for a collective group. As MPI would, it fails a
/// rank that calls it from a thread of its own making.
class Rendezvous {
 public:
  explicit Rendezvous(int world) : world_(world), slots_(static_cast<std::size_t>(world)) {}
  /// For the thread that calls this.
  Coordination seat(int rank) {
    const auto owner = std::this_thread::get_id();
    return {rank, world_, [this, rank, owner](const std::string& mine) {
              EXPECT_EQ(std::this_thread::get_id(), owner) << "a meeting behind the caller's back";
              return gather(rank, mine);
            }};
  }

 private:
  Result<std::vector<std::string>> gather(int rank, const std::string& mine) {
    std::unique_lock lock(mutex_);
    const std::uint64_t round = round_;
    slots_[static_cast<std::size_t>(rank)] = mine;
    if (++arrived_ == world_) {
      arrived_ = 0;
      gathered_ = slots_;
      ++round_;
      everybody_.notify_all();
    }
    everybody_.wait(lock, [&] { return round_ != round; });
    return gathered_;
  }

  std::mutex mutex_;
  std::condition_variable everybody_;
  int world_;
  int arrived_ = 0;
  std::uint64_t round_ = 0;
  std::vector<std::string> slots_, gathered_;
};

/// Runs `body(coordination)` on `world` threads and returns what each said, in rank order.
template <class Body>
auto on_ranks(int world, const Body& body) {
  using Answer = decltype(body(Coordination{}));
  Rendezvous rendezvous(world);
  std::vector<std::optional<Answer>> answers(static_cast<std::size_t>(world));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      answers[static_cast<std::size_t>(rank)].emplace(body(rendezvous.seat(rank)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Answer> plain;
  for (auto& answer : answers) plain.push_back(std::move(*answer));
  return plain;
}

}  // namespace tagalign::checkpoint
