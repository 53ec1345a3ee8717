// Lists of classes as they come: each is refused by the line that is wrong, or read as it was meant.
#include "data/datasets/class_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClassListTest : public ::testing::Test {
 protected:
  std::vector<std::string> read(std::string_view text) {
    const auto classes = read_classes(posix_file_system(), folder_.write("classes.txt", text));
    EXPECT_TRUE(classes.ok()) << classes.status().message();
    return classes.ok() ? *classes : std::vector<std::string>();
  }
  std::string refusal(std::string_view text) {
    const auto classes = read_classes(posix_file_system(), folder_.write("classes.txt", text));
    if (classes.ok()) return "accepted";
    EXPECT_EQ(classes.status().code(), ErrorCode::kInvalidArgument);
    return classes.status().message();
  }

  TemporaryFolder folder_;
};

TEST_F(ClassListTest, MarksLineEndsAndBlanks_DoNotCount) {
  EXPECT_THAT(read("\xef\xbb\xbfsky\r\n dog;puppy \r\n\r\n\n"), ElementsAre("sky", "dog;puppy"));
  EXPECT_THAT(read("sky\rdog\r"), ElementsAre("sky", "dog")) << "line ends of an old Mac";
  EXPECT_THAT(read("caf\xc3\xa9\n\xe7\x8a\xac\n7up\n"),
              ElementsAre("caf\xc3\xa9", "\xe7\x8a\xac", "7up"));
}

/// Field case classes-latin1.
TEST_F(ClassListTest, Latin1_IsRefusedWithLineAndByte) {
  EXPECT_THAT(refusal("caf\xe9\ntree\n"),
              HasSubstr("classes.txt:1: expected text in UTF-8, found byte e9; convert it"));
}

/// Field case classes-utf16.
TEST_F(ClassListTest, Utf16_IsRefusedWithItsName) {
  EXPECT_THAT(refusal(std::string_view("\xff\xfe"
                                       "s\0k\0y\0\n\0",
                                       10)),
              HasSubstr("found UTF-16;"));
  EXPECT_THAT(refusal(std::string_view("s\0k\0y\0\n\0", 8)), HasSubstr("found UTF-16LE;"));
}

/// Field cases check-classes-empty-line and check-classes-empty-first-line.
TEST_F(ClassListTest, EmptyLine_IsRefusedByItsNumber) {
  EXPECT_THAT(refusal("sky\n\ndog\n"), HasSubstr("classes.txt:2: expected a class name"));
  EXPECT_THAT(refusal("\nsky\n"), HasSubstr("classes.txt:1: expected a class name"));
  EXPECT_THAT(refusal("sky\n \t \ndog\n"), HasSubstr("classes.txt:2"));
  EXPECT_THAT(refusal("\n \n"), HasSubstr("expected one class a line, found none"));
}

/// Field case check-class-without-name.
TEST_F(ClassListTest, NameThatSaysNothing_IsRefused) {
  for (const char* line : {";", "dog;", ";dog", "dog;;puppy", "dog; ;puppy", "-", "\xc2\xa0",
                           "\xe3\x80\x80", "dog;\xe2\x80\x8b"}) {
    EXPECT_THAT(refusal(std::string("sky\n") + line + "\n"),
                HasSubstr("classes.txt:2: expected a class name"))
        << line;
  }
  EXPECT_THAT(refusal("0\tsky\n"), HasSubstr("found a control character in 0\\x09sky"));
}

TEST_F(ClassListTest, NamesThatComeTwice_AreTold) {
  EXPECT_THAT(repeated_classes({"crane", "dog", "crane"}), ElementsAre("crane"));
  EXPECT_THAT(repeated_classes({"crane", "dog"}), IsEmpty());
}

}  // namespace
}  // namespace tagalign::data
