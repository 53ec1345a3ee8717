#include <gmock/gmock.h>

#include <set>

#include "configs/schema/document/digest.h"
#include "configs/schema/jobs/job_configs.h"
#include "configs/schema/reading/load.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {

/// TrainConfig as a later version might have it: one key more in a section and at the top.
struct LaterOptimizer {
  OptimizerConfig old;
  double lookahead = 0.5;
};
struct LaterTrain {
  TrainConfig old;
  LaterOptimizer optimizer;
  std::string sampler = "shuffled";
  std::optional<int> crops;
};

template <class V>
void visit_fields(V& v, LaterOptimizer& c) {
  v.field("lookahead", c.lookahead, Rule("a new key").between(0, 1));
  visit_fields(v, c.old);
}
template <class V>
void visit_fields(V& v, LaterTrain& c) {
  v.field("sampler", c.sampler, Rule("a new key"));
  v.field("crops", c.crops, Rule("a new key"));
  v.section("runtime", c.old.runtime, "");
  v.section("data", c.old.data, "");
  v.section("augment", c.old.augment, "");
  v.section("clip", c.old.clip, "");
  v.tagged("method", c.old.method, "");
  v.section("optimizer", c.optimizer, "");
  v.section("checkpoint", c.old.checkpoint, "");
  v.field("global_batch", c.old.global_batch, Rule(""));
  v.field("steps", c.old.steps,
          Rule("").affects_numbers_if(c.optimizer.old.schedule != ScheduleKind::kConstant, "x"));
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

/// Of data/train.yml: what checkpoints in the world hold. It may only change with kDigestFormat.
constexpr char kStoredDigest[] = "1:78b70cd0b6cf4e6347b9e99d19a916b1";

template <class T>
T stored(const char* name) {
  const Path file = source_folder() / "tests/unit/config/data" / name;
  auto config = load_job_config<T>(posix_file_system(), file);
  TA_CHECK(config.ok(), config.status().message());
  return *std::move(config);
}

TrainConfig stored_config() {
  return stored<TrainConfig>("train.yml");
}

template <class T>
std::string digest(const T& config) {
  return digest_of(digest_lines(config));
}

TEST(Digest, StoredConfiguration_HasTheStoredDigest) {
  EXPECT_EQ(digest(stored_config()), kStoredDigest)
      << "checkpoints that users have are no longer resumed; raise kDigestFormat if that is meant, "
         "and store the new digest\n"
      << digest_text(digest_lines(stored_config()));
}

TEST(Digest, Text_HasTheDocumentedForm) {
  TrainConfig config;
  std::get<TagAlignTraining>(config.method).tag_templates = {"a \"photo\" of\n{}.", "the \\ {}."};
  config.optimizer.schedule = ScheduleKind::kCosine;
  config.optimizer.base_lr = 2.5e-4;
  config.steps = 400;
  config.data.root = "/somewhere";
  EXPECT_EQ(digest_text(digest_lines(config)),
            "tagalign configuration, digest format 1\n"
            "method.tag_templates=[\"a \\\"photo\\\" of\\n{}.\",\"the \\\\ {}.\"]\n"
            "optimizer.base_lr=0.00025\n"
            "optimizer.schedule=\"cosine\"\n"
            "steps=400\n");
}

TEST(Digest, ListsOfMaps_HaveTheirLengthAndWhatDiffersInEachElement) {
  ScenesConfig config;
  config.validation = {{.name = "a"}, {.name = "b", .size = 64}};
  EXPECT_THAT(digest_lines(config),
              ElementsAre(Pair("validation", "2"), Pair("validation.1.size", "64")));
}

TEST(Digest, AddedKeysAtTheirDefaults_LeaveTheDigestAsItWas) {
  LaterTrain later{.old = stored_config(), .optimizer = {}, .sampler = "shuffled", .crops = {}};
  later.optimizer.old = later.old.optimizer;
  EXPECT_EQ(digest(later), kStoredDigest);
  later.crops = 3;
  EXPECT_NE(digest(later), kStoredDigest);
  later.crops.reset();
  later.optimizer.lookahead = 0.25;
  EXPECT_NE(digest(later), kStoredDigest);
}

/// Every key as it was written when format 1 was made: a default that moves shows up as a line.
TEST(Digest, EveryKeyAtItsDefault_HasNoLine) {
  EXPECT_THAT(digest_lines(stored<TrainConfig>("train_defaults.yml")), IsEmpty());
  EXPECT_THAT(digest_lines(stored<PretrainConfig>("pretrain_defaults.yml")), IsEmpty());
}

// ---------------------------------------------------------------- each key by itself

/// Puts the key number `wanted` to a value that is not its default.
class Changer {
 public:
  explicit Changer(int wanted) : wanted_(wanted) {}

  template <class T>
  void field(std::string_view name, T& value, const Rule& rule) {
    if (count_++ != wanted_) return;
    name_ = name;
    affects_ = rule.affects_numbers;
    change(value);
  }
  template <class T>
  void section(std::string_view, T& value, std::string_view) {
    visit_fields(*this, value);
  }
  template <class T>
  void list(std::string_view, std::vector<T>& values, std::size_t, std::string_view) {
    if (values.empty()) values.emplace_back();
    visit_fields(*this, values[0]);
  }

  template <class T>
  void map(std::string_view, std::map<std::string, T>& values, std::string_view) {
    visit_fields(*this, values["name"]);
  }
  template <class... Ts>
  void tagged(std::string_view, std::variant<Ts...>& value, std::string_view) {
    std::visit([&](auto& chosen) { visit_fields(*this, chosen); }, value);
  }

  bool found() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  bool affects() const { return affects_; }

 private:
  template <class T>
  static void change(std::optional<T>& value) {
    value = T{};
  }
  static void change(bool& value) { value = !value; }
  static void change(std::string& value) { value += "x"; }
  static void change(std::vector<std::string>& value) { value.emplace_back("x"); }
  static void change(std::vector<double>& value) { value.push_back(1); }
  static void change(std::vector<int>& value) { value.push_back(1); }
  template <class T>
  requires std::is_arithmetic_v<T>
  static void change(T& value) { value += T{1}; }
  template <Choice E>
  static void change(E& value) {
    if (words_of<E>().size() > 1) value = static_cast<E>(static_cast<int>(value) == 0 ? 1 : 0);
  }

  int wanted_;
  int count_ = 0;
  std::string name_;
  bool affects_ = false;
};

/// A configuration with one element in each list, so that elements have keys to change.
template <class T>
T with_elements() {
  T config;
  Changer none(-1);
  visit_fields(none, config);
  return config;
}

template <class T>
void expect_keys_affect_as_they_say(std::set<std::string> unaffecting) {
  const std::string before = digest(with_elements<T>());
  int affecting = 0;
  for (int key = 0;; ++key) {
    T config = with_elements<T>();
    Changer changer(key);
    visit_fields(changer, config);
    if (!changer.found()) break;
    affecting += changer.affects() ? 1 : 0;
    if (!changer.affects()) unaffecting.erase(changer.name());
    // One word only: there is nothing else to set it to.
    if (changer.name() == "dataset") continue;
    EXPECT_EQ(digest(config) != before, changer.affects()) << changer.name();
  }
  EXPECT_GT(affecting, 0);
  EXPECT_THAT(unaffecting, IsEmpty()) << "these are to be in no digest";
}

TEST(Digest, EachKey_ChangesItExactlyWhenItAffectsNumbers) {
  const std::set<std::string> training = {"directory",
                                          "every_steps",
                                          "keep_last",
                                          "keep_every",
                                          "strict",
                                          "log_every_steps",
                                          "collective_timeout_s",
                                          "device",
                                          "collectives",
                                          "root",
                                          "captions",
                                          "tags",
                                          "cache",
                                          "loader_threads",
                                          "prefetch_batches",
                                          "broken_share_max",
                                          "tag_names",
                                          "attributes",
                                          "attribute_names",
                                          "steps"};
  auto train = training;
  train.insert({"weights", "bytes_max", "folder"});
  auto pretrain = training;
  pretrain.insert("output");
  expect_keys_affect_as_they_say<TrainConfig>(train);
  expect_keys_affect_as_they_say<PretrainConfig>(pretrain);
  expect_keys_affect_as_they_say<EvaluateConfig>({"label", "read_ahead", "output"});
  expect_keys_affect_as_they_say<ScenesConfig>({"output"});
  expect_keys_affect_as_they_say<DataReportConfig>({"output", "cache"});
  expect_keys_affect_as_they_say<DataPackConfig>({"output", "cache"});
  expect_keys_affect_as_they_say<DataTagsConfig>({"output", "per_caption", "wordnet"});
}

TEST(Digest, AttributeTemplates_CountOnlyWhereAttributesAreLearned) {
  const auto config = [](double weight, const std::string& prompt) {
    TrainConfig c;
    c.method = TagAlignTraining{.attributes = {.weight = weight, .templates = {prompt}}};
    return c;
  };
  EXPECT_EQ(digest(config(0, "a {}.")), digest(TrainConfig{}));
  EXPECT_NE(digest(config(1, "a {}.")), digest(TrainConfig{}));
  EXPECT_NE(digest(config(1, "a {}.")), digest(config(1, "the {}.")));
  EXPECT_NE(digest(config(1, "a {}.")), digest(config(2, "a {}.")));
}

TEST(Digest, Steps_CountOnlyWhenTheRateDependsOnThem) {
  TrainConfig longer;
  longer.steps += 1000;
  EXPECT_EQ(digest(longer), digest(TrainConfig{}));
  TrainConfig cosine;
  cosine.optimizer.schedule = ScheduleKind::kCosine;
  longer.optimizer.schedule = ScheduleKind::kCosine;
  EXPECT_NE(digest(longer), digest(cosine));
}

TEST(Digest, LinesThatKeepNumbers_AreTheOthersThatDiffer) {
  TrainConfig c;
  EXPECT_THAT(lines_that_keep_numbers(c), IsEmpty());
  c.optimizer.sharding = OptimizerSharding::kZero1;
  c.optimizer.beta1 = 0.5;
  c.checkpoint.directory = "ck";
  c.steps = 7;
  EXPECT_THAT(lines_that_keep_numbers(c),
              ElementsAre(Pair("checkpoint.directory", "\"ck\""),
                          Pair("optimizer.sharding", "\"zero1\""), Pair("steps", "7")));
  EXPECT_THAT(digest_lines(c), ElementsAre(Pair("optimizer.beta1", "0.5")));
  c.optimizer.schedule = ScheduleKind::kCosine;  // the rate depends on the steps now
  EXPECT_EQ(lines_that_keep_numbers(c).count("steps"), 0u);
}

}  // namespace
}  // namespace tagalign::config
