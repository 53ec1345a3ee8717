// golden_check itself: what it says and how it ends when a folder agrees, differs or lacks
// something. Works on copies of tests/golden/data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/process.h"

namespace tagalign::golden {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr char kSchedules[] = "training/lr_schedules.json";
constexpr char kLosses[] = "losses/losses.json";
constexpr char kVocabulary[] = "tokenizer/bpe_simple_vocab_16e6.txt";
constexpr char kInstalledVocabulary[] = "../share/tagalign/bpe_simple_vocab_16e6.txt.gz";
constexpr char kCase[] = "losses/ranks1.safetensors";
constexpr std::int64_t kTimeoutMs = 300'000;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_packed(const fs::path& path) {
  std::string text;
  std::vector<char> piece(1u << 16);
  const gzFile file = gzopen(path.c_str(), "rb");
  for (int got = 0; (got = gzread(file, piece.data(), 1u << 16)) > 0;)
    text.append(piece.data(), got);
  gzclose(file);
  return text;
}

class GoldenCheckTest : public ::testing::Test {
 protected:
  GoldenCheckTest() {
    std::string pattern = (fs::temp_directory_path() / "golden_check_test.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    const fs::path data = fs::path(std::getenv("TAGALIGN_SOURCE")) / "tests/golden/data";
    fs::copy_file(data / "SUBSET", folder_ / "SUBSET");
    for (const char* group : {"training", "losses"}) {
      fs::copy(data / group, folder_ / group, fs::copy_options::recursive);
    }
    unpack(kLosses);
    unpack(kCase);
    Json losses = Json::parse(read(folder_ / kLosses));
    losses["cases"] = {{"ranks1", losses["cases"]["ranks1"]}};  // one case is enough, and quicker
    write(folder_ / kLosses, losses.dump());
  }
  ~GoldenCheckTest() override { fs::remove_all(folder_); }

  void unpack(const std::string& relative) {
    const fs::path packed = folder_ / (relative + ".gz");
    write(folder_ / relative, read_packed(packed));
    fs::remove(packed);
  }

  struct Outcome {
    int code;
    std::string text;
  };
  Outcome run(std::vector<std::string> arguments, const std::string& path = {}) {
    std::vector<std::string> command;
    if (!path.empty()) command = {"/usr/bin/env", "PATH=" + path};
    command.push_back((fs::path(std::getenv("TAGALIGN_BIN")) / "golden_check").string());
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto output = run_command(command, kTimeoutMs);
    EXPECT_TRUE(output.ok()) << output.status().message();
    return {output->exit.code, output->output};
  }
  Outcome check(const std::string& group, const std::string& path = {}) {
    return run({folder_.string(), group}, path);
  }

  fs::path folder_;
};

TEST_F(GoldenCheckTest, UnchangedFolder_Agrees_AndSaysWhatItLeftOut) {
  const Outcome outcome = check("training");
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_THAT(outcome.text, ContainsRegex("lr_schedules cosine_200 +200 values .*  ok\n"));
  EXPECT_THAT(outcome.text, HasSubstr("not compared: the folder's SUBSET leaves it out"));
}

TEST_F(GoldenCheckTest, WithoutAGroup_TheMethodWithMostFoldersIsCompared) {
  const fs::path data = fs::path(std::getenv("TAGALIGN_SOURCE")) / "tests/golden/data";
  const fs::path method = folder_ / "method";
  fs::copy(data / "groupvit", method, fs::copy_options::recursive);
  fs::create_directory(method / "image");
  const Outcome unclear = run({method.string()});
  EXPECT_EQ(unclear.code, 2);
  EXPECT_THAT(unclear.text, HasSubstr("are those of groupvit and of ovsegmentor"));
  fs::create_directory(method / "training");
  EXPECT_THAT(run({method.string()}).text, ContainsRegex("groupvit.text: [0-9]+ ok, 0 out"));
}

TEST_F(GoldenCheckTest, ValueBeyondTolerance_IsOut_AndNamed) {
  Json schedules = Json::parse(read(folder_ / kSchedules));
  schedules["cosine_200"]["lr_used_at_step"][7] =
      schedules["cosine_200"]["lr_used_at_step"][7].get<double>() * 1.001;
  write(folder_ / kSchedules, schedules.dump());
  const Outcome outcome = check("training");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, ContainsRegex("lr_schedules cosine_200 .*  OUT\n"));
  EXPECT_THAT(outcome.text, ContainsRegex("lr_schedules constant_200 .*  ok\n"));
}

TEST_F(GoldenCheckTest, TensorChanged_IsOut_OverThreadsAndMpi) {
  std::string bytes = read(folder_ / kCase);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Json entries = Json::parse(bytes.substr(sizeof header, header));
  const auto offset = entries["rank0.total.grad_projection"]["data_offsets"][0].get<std::size_t>();
  float value = 0;
  std::memcpy(&value, bytes.data() + sizeof header + header + offset, sizeof value);
  value += 0.01f;
  std::memcpy(bytes.data() + sizeof header + header + offset, &value, sizeof value);
  write(folder_ / kCase, bytes);
  const Outcome outcome = check("losses");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text,
              ContainsRegex("ranks1 threads rank0.total.grad_projection +256 values .*  OUT\n"));
  EXPECT_THAT(outcome.text,
              ContainsRegex("ranks1 mpi rank0.total.grad_projection +256 values .*  OUT\n"));
  EXPECT_THAT(outcome.text, ContainsRegex("rank0.infonce.loss .*  ok\n"));
}

TEST_F(GoldenCheckTest, TensorRenamed_IsMissing) {
  std::string bytes = read(folder_ / kCase);
  const std::string name = "rank0.infonce.loss";
  bytes.replace(bytes.find(name), name.size(), "rank0.infonce.lost");
  write(folder_ / kCase, bytes);
  const Outcome outcome = check("losses");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("MISSING: the file has no such tensor"));
}

TEST_F(GoldenCheckTest, ListedTensorRemoved_IsMissing) {
  write(folder_ / "tensors.tsv",
        "file\ttensor\tdtype\tshape\nlosses/ranks1.safetensors\tgone\tF32\t2x3\n");
  const Outcome outcome = check("losses");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, ContainsRegex("tensors.tsv losses/ranks1.safetensors: gone .*MISSING"));
}

TEST_F(GoldenCheckTest, ListedFileRemoved_IsMissing_UnlessLeftOut) {
  write(folder_ / "tensors.tsv",
        "file\ttensor\tdtype\tshape\ntraining/gone.safetensors\ta\tF32\t1\n"
        "training/inputs.safetensors\ta\tF32\t1\n");
  const Outcome outcome = check("training");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, ContainsRegex("training/gone.safetensors .*MISSING"));
  EXPECT_THAT(outcome.text, ContainsRegex("training/inputs.safetensors .*not compared"));
}

TEST_F(GoldenCheckTest, ListedTensorOfAnotherTypeOrShape_IsOut) {
  write(folder_ / "tensors.tsv",
        "file\ttensor\tdtype\tshape\n"
        "losses/ranks1.safetensors\trank0.infonce.loss\tF16\t\n"
        "losses/ranks1.safetensors\tprojection\tF32\t1x1\n");
  const Outcome outcome = check("losses");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, ContainsRegex("rank0.infonce.loss .*OUT: F32 .*listed as F16"));
  EXPECT_THAT(outcome.text, ContainsRegex("projection .*OUT: .*listed as F32 .1x1"));
}

TEST_F(GoldenCheckTest, VocabularyUnpacked_IsRead_AndComparedWithTheProducts) {
  const fs::path data = fs::path(std::getenv("TAGALIGN_SOURCE")) / "tests/golden/data";
  fs::copy(data / "tokenizer", folder_ / "tokenizer", fs::copy_options::recursive);
  const std::string merges =
      read_packed(fs::path(std::getenv("TAGALIGN_BIN")) / kInstalledVocabulary);
  write(folder_ / kVocabulary, merges);
  const Outcome same = check("tokenizer");
  EXPECT_EQ(same.code, 0) << same.text;
  EXPECT_THAT(same.text, ContainsRegex("folder's unpacked vocabulary .*  ok\n"));
  write(folder_ / kVocabulary, merges + "\n");
  EXPECT_THAT(check("tokenizer").text, ContainsRegex("folder's unpacked vocabulary .*  OUT"));
}

TEST_F(GoldenCheckTest, NoTextThatNeedsRepair_IsMissing_WhenTheFactsCountSome) {
  fs::create_directory(folder_ / "tokenizer");
  write(folder_ / "tokenizer/tokenizer.json", R"({"n": 1, "ftfy_matters": 3})");
  write(folder_ / "tokenizer/tokenizer.jsonl", R"({"text": "", "ids": [49406, 49407]})");
  EXPECT_THAT(check("tokenizer").text, ContainsRegex("ftfy's repair .*MISSING"));
  write(folder_ / "tokenizer/tokenizer.json", R"({"n": 1, "ftfy_matters": 0})");
  EXPECT_THAT(check("tokenizer").text, ContainsRegex("ftfy's repair .*not compared"));
}

TEST_F(GoldenCheckTest, FileRemoved_IsMissing) {
  fs::remove(folder_ / kSchedules);
  const Outcome outcome = check("training");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, ContainsRegex("training/lr_schedules.json .*MISSING"));
}

TEST_F(GoldenCheckTest, NoSubsetFile_WhatItListed_IsMissing) {
  fs::remove(folder_ / "SUBSET");
  const Outcome outcome = check("training");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, ContainsRegex("training/training.json .*MISSING"));
}

TEST_F(GoldenCheckTest, FileThatNothingReads_IsNamed_AndNoError) {
  write(folder_ / "training/new.safetensors", "");
  const Outcome outcome = check("training");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.text, ContainsRegex("training/new.safetensors .*not compared"));
}

TEST_F(GoldenCheckTest, NoMpirun_IsAnError_NotASkip) {
  const Outcome outcome = check("losses", "/nowhere");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("OUT: mpirun is not on PATH"));
}

TEST_F(GoldenCheckTest, Json_Asked_HoldsEveryLine) {
  const fs::path path = folder_ / "out.json";
  EXPECT_EQ(run({folder_.string(), "training", "--json", path.string()}).code, 0);
  const Json report = Json::parse(read(path));
  EXPECT_TRUE(report["agrees"]);
  EXPECT_EQ(report["groups"]["training"]["out"], 0);
  EXPECT_EQ(report["lines"][0]["verdict"], "ok");
}

TEST_F(GoldenCheckTest, BadUsage_EndsWithTwo_AndSaysWhy) {
  EXPECT_EQ(run({}).code, 2);
  const Outcome group = run({folder_.string(), "clips"});
  EXPECT_EQ(group.code, 2);
  EXPECT_THAT(group.text, HasSubstr("no such group: clips; there are clip, "));
  const Outcome folder = run({"/nowhere/golden"});
  EXPECT_EQ(folder.code, 2);
  EXPECT_THAT(folder.text, HasSubstr("/nowhere/golden is no folder"));
}

}  // namespace
}  // namespace tagalign::golden
