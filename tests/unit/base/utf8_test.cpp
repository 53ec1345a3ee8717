#include "base/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace tagalign {
namespace {

using ::testing::HasSubstr;

TEST(Utf8, WellFormedText_IsPassed) {
  EXPECT_EQ(find_non_utf8(""), std::nullopt);
  EXPECT_EQ(find_non_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb6"), std::nullopt);
}

TEST(Utf8, FirstByteThatFitsNothing_IsFound) {
  EXPECT_EQ(find_non_utf8("caf\xe9"), 3U);
  EXPECT_EQ(find_non_utf8("\xc3"), 0U);
  EXPECT_EQ(find_non_utf8("\xed\xa0\x80"), 0U) << "half of a surrogate pair";
  EXPECT_EQ(find_non_utf8("a\xc0\x80"), 1U) << "more bytes than the letter needs";
}

TEST(Utf8, CheckOfLatin1_NamesLineAndByte) {
  const Status status = check_utf8("sky\ncaf\xe9\n", "read classes ds/classes.txt");
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("read classes ds/classes.txt:2: expected text in UTF-8, found byte e9; "
                        "convert it"));
}

TEST(Utf8, CheckOfUtf16_NamesTheEncoding) {
  EXPECT_THAT(check_utf8(std::string_view("\xff\xfes\0k\0y\0", 8), "read t.txt").message(),
              HasSubstr("found UTF-16; convert it: iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(check_utf8(std::string_view("s\0k\0y\0\n\0", 8), "read t.txt").message(),
              HasSubstr("found UTF-16LE"));
}

TEST(Printable, WhatATerminalObeys_IsEscaped) {
  EXPECT_EQ(printable("a\x1b[31mb\n\xc2\x9b\x7f"), "a\\x1b[31mb\\x0a\\xc2\\x9b\\x7f");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "gpj.exe"),
            "\\xe2\\x80\\xaegpj.exe")
      << "turns the direction";
  EXPECT_EQ(printable("caf\xe9 caf\xc3\xa9"), "caf\\xe9 caf\xc3\xa9");
}

TEST(Printable, LongText_EndsBehindAWholeLetter) {
  EXPECT_EQ(printable("abcdef", 3), "abc…");
  EXPECT_EQ(printable("ab\xc3\xa9z", 3), "ab\xc3\xa9…");
}

TEST(Printable, Lines_StayLines) {
  EXPECT_EQ(printable_lines("a\tb\n\x1b[2Jc\r\n"), "a\tb\n\\x1b[2Jc\\x0d\n");
}

TEST(JsonText, BytesThatAreNoUtf8_BecomeTheReplacementCharacter) {
  const nlohmann::json document{{"caf\xe9", "\xff"}};
  EXPECT_EQ(json_text(document), "{\"caf\xef\xbf\xbd\":\"\xef\xbf\xbd\"}");
  EXPECT_EQ(json_text(nlohmann::ordered_json{{"a", 1}}, 1), "{\n \"a\": 1\n}");
}

}  // namespace
}  // namespace tagalign
