#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kCard[] =
    R"({"file":"a.pth","container":"torch archive","digest":"00ff","clip":null,)"
    R"("projector":"gdecoder, 2 layers, width 768","naming":"dev","step":30001,"clip_digest":null,)"
    R"("optimizer":true,"parameters":12,"bytes":2000000,"types":{"Float":2},)"
    R"("tensors":[{"name":"cl_loss.logit_scale","type":"Float","shape":[]}],)"
    R"("not_read":["omegaconf.DictConfig"],"notices":["'module.' was taken off"],)"
    R"("missing":[],"unexpected":[],"problems":[],"fits":true})";

TEST_F(CommandLine, WeightsShow_Card_IsATableForPeople) {
  worker_answer.output = std::string("a library's warning\n") + kCard + "\n";
  EXPECT_EQ(run({"weights", "show", "a.pth", "--tensors"}), 0);
  EXPECT_THAT(asked_of_worker, ElementsAre("weights", "show", "a.pth"));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("gdecoder, 2 layers, width 768"), HasSubstr("2.0 MB"),
                               HasSubstr("30001"), HasSubstr("omegaconf.DictConfig"),
                               HasSubstr("'module.' was taken off"),
                               HasSubstr("cl_loss.logit_scale"), Not(HasSubstr("warning"))));
}

TEST_F(CommandLine, WeightsShow_Json_IsTheWorkersCard) {
  worker_answer.output = std::string(kCard) + "\n";
  EXPECT_EQ(run({"weights", "show", "a.pth", "--output", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out.str()), nlohmann::json::parse(kCard));
}

TEST_F(CommandLine, WeightsShow_Configuration_ReachesTheWorker) {
  worker_answer.output = kCard;
  EXPECT_EQ(run({"weights", "show", "a.pth", "--config", "t.yml", "--set", "steps=3"}), 0);
  EXPECT_THAT(asked_of_worker,
              ElementsAre("weights", "show", "a.pth", "--config", "t.yml", "--set", "steps=3"));
}

TEST_F(CommandLine, WeightsShow_SomethingMissing_IsNamedWithExitCodeOne) {
  auto card = nlohmann::json::parse(kCard);
  card["missing"] = {"visual.proj"};
  card["fits"] = false;
  worker_answer.output = card.dump();
  worker_answer.exit.code = 1;
  EXPECT_EQ(run({"weights", "show", "a.pth"}), 1);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("missing"), HasSubstr("visual.proj")));
}

TEST_F(CommandLine, WeightsShow_RefusedFile_SaysWhatTheWorkerSaid) {
  worker_answer.exit.code = 1;
  worker_answer.output = "weights: a.pth names os.system\n";
  EXPECT_EQ(run({"weights", "show", "a.pth"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("a.pth names os.system"));
}

TEST_F(CommandLine, WeightsShow_OutputWithoutACard_IsNotTakenForOne) {
  worker_answer.output = "{\"other\":1}\nhello\n";
  EXPECT_EQ(run({"weights", "show", "a.pth"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("expected one line of JSON"));
}

}  // namespace
}  // namespace tagalign::cli
