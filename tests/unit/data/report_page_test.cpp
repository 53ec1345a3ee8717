#include "data/report/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "data/image/image.h"
#include "data/report/html.h"
#include "data/report/page_samples.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t times(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// Bytes of a data URI's base64.
std::string bytes_of(std::string_view base64) {
  std::string bytes;
  unsigned bits = 0, count = 0;
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char c : base64.substr(0, base64.find('='))) {
    bits = bits << 6 | static_cast<unsigned>(kDigits.find(c));
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  return bytes;
}

class ReportPageTest : public ::testing::Test {
 protected:
  /// `count` images with captions "caption 0", …
  void write_images(int count) {
    ArchiveFiles files;
    for (int i = 0; i < count; ++i) {
      const std::string key = std::to_string(1000 + i);
      files.emplace_back(key + ".png", encode_png(sample_image(20, 12, i)));
      files.emplace_back(key + ".txt", "caption " + std::to_string(i) + ".");
    }
    write_tar(shard_, files);
    options_.sources = {shard_.string()};
  }
  std::string page() {
    const auto making = ReportMaking::open(posix_file_system(), options_);
    EXPECT_TRUE(making.ok()) << making.status().to_string();
    const auto examined = (*making)->examine({}, {}, {});
    EXPECT_TRUE(examined.ok()) << examined.status().to_string();
    const auto report = (*making)->finish(std::span(&*examined, 1));
    EXPECT_TRUE(report.ok()) << report.status().to_string();
    const auto page = report_page(**making, *report);
    EXPECT_TRUE(page.ok()) << page.status().to_string();
    return *page;
  }

  TemporaryFolder folder_;
  Path shard_ = folder_.path() / "00000.tar";
  DataReportOptions options_;
};

TEST_F(ReportPageTest, ManyImages_ShowSixtyFourFromEndToEnd) {
  write_images(200);
  const std::string text = page();
  EXPECT_EQ(times(text, "<figure>"), 64U);
  EXPECT_EQ(times(text, "data:image/jpeg;base64,"), 64U);
  for (const int shown : {0, 3, 100, 196})
    EXPECT_THAT(text, HasSubstr("caption " + std::to_string(shown) + ".<"));
  for (const int left_out : {1, 2, 199})
    EXPECT_THAT(text, Not(HasSubstr("caption " + std::to_string(left_out) + ".<")));
  EXPECT_EQ(page(), text);
}

TEST_F(ReportPageTest, FewImages_AreAllShownInTheirColours) {
  write_images(3);
  const std::string text = page();
  EXPECT_EQ(times(text, "<figure>"), 3U);
  EXPECT_THAT(text, AllOf(HasSubstr("caption 0."), HasSubstr("caption 2."), HasSubstr("1002.png")));
  const auto start = text.find("base64,") + 7;
  const auto image = decode_image(bytes_of(text.substr(start, text.find('"', start) - start)),
                                  ReadAs::kTraining, "of the page");
  ASSERT_TRUE(image.ok()) << image.status().to_string();
  EXPECT_EQ(image->width, 20);
  EXPECT_EQ(image->height, 12);
  EXPECT_NEAR(image->pixels[(6 * 20 + 10) * 3], 100, 12);  // red, in the middle
  EXPECT_NEAR(image->pixels[(6 * 20 + 10) * 3 + 1], 100, 12);
}

TEST_F(ReportPageTest, NoImages_StillGiveAPage) {
  write_images(0);
  EXPECT_THAT(page(), AllOf(HasSubstr("<h1>Data report</h1>"), Not(HasSubstr("<figure>"))));
}

TEST_F(ReportPageTest, ForeignText_CannotBecomeMarksOrBreakTheEncoding) {
  const std::string evil = "<script>alert(1)</script>\"'&amp;\x01\xff";
  folder_.write("00000_stats.json", R"({"successes": 7, "status_dict": {"<b>404": 2}})");
  write_tar(shard_, {{"<i>a</i>.png", encode_png(sample_image(20, 12))},
                     {"<i>a</i>.txt", evil},
                     {"<u>.jpg", "no <em>image</em>"},
                     {"c.p\xffng", "other"}});
  options_.sources = {shard_.string(),
                      folder_.write("<s>.tsv", "<i>a</i>.png\t" + evil + "<p>\n").string()};
  options_.tags = folder_.write("tags.json", R"({"<i>a</i>.png": [0]})");
  options_.tag_names = folder_.write("names.txt", "<img src=x onerror=alert(1)>\n");
  const std::string text = page();
  for (const char* mark : {"<script", "<b>404", "<i>a", "<u>", "<s>", "<img src=x", "<em>"})
    EXPECT_THAT(text, Not(HasSubstr(mark)));
  EXPECT_THAT(text,
              HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp;\xef\xbf\xbd"));
  EXPECT_THAT(text, HasSubstr("&lt;img src=x onerror=alert(1)&gt;"));
  std::size_t replaced = 0;
  EXPECT_EQ(repair_utf8(text, replaced), text);
  EXPECT_EQ(text.find('\x01'), text.npos);
}

TEST_F(ReportPageTest, BrokenImage_ShowsItsReasonInstead) {
  write_tar(shard_, {{"a.png", encode_png(sample_image(20, 12))}, {"b.jpg", "not an image"}});
  options_.sources = {shard_.string()};
  const std::string text = page();
  EXPECT_EQ(times(text, "<figure>"), 2U);
  EXPECT_EQ(times(text, "<img "), 1U);
  const auto reason = text.find("<figure><p class=\"bad\">");
  ASSERT_NE(reason, text.npos);
  EXPECT_THAT(text.substr(reason, 300), HasSubstr("b.jpg"));
}

TEST_F(ReportPageTest, Tags_AreThoseThatATrainingFinds) {
  write_tar(shard_, {{"1.png", encode_png(sample_image(20, 12))},
                     {"1.json", R"({"url": "http://a/1", "caption": "beside"})"},
                     {"x/2.png", encode_png(sample_image(20, 12))},
                     {"3.png", encode_png(sample_image(20, 12))},
                     {"4.png", encode_png(sample_image(20, 12))}});
  options_.sources = {folder_.write("list.tsv", "http://a/1\tof the list\n").string(),
                      shard_.string()};
  options_.tags = folder_.write("tags.json", R"({"http://a/1": [1, 0], "2.png": [2], "3": []})");
  options_.tag_names = folder_.write("names.txt", "dog\ncat\nred car\n");
  const std::string text = page();
  EXPECT_THAT(text, AllOf(HasSubstr(">beside<"), HasSubstr(">of the list<")));
  EXPECT_THAT(text, HasSubstr(">cat</span><span class=\"tag\" dir=\"auto\">dog</span>"));
  EXPECT_EQ(times(text, ">red car<"), 1U);
  EXPECT_EQ(times(text, "an empty entry"), 1U);
  EXPECT_EQ(times(text, "a training leaves the image out"), 1U);
  options_ = {.sources = options_.sources};
  EXPECT_THAT(page(), Not(HasSubstr("class=\"tag\"")));
}

TEST_F(ReportPageTest, ManyRowsOfOneImage_ShowTheFirstFew) {
  write_images(1);
  std::string rows;
  for (int i = 0; i < 100; ++i) rows += "1000.png\trow " + std::to_string(i) + ".\n";
  options_.sources.push_back(folder_.write("rows.tsv", rows).string());
  const std::string text = page();
  EXPECT_EQ(times(text, ">row "), kSheetCaptions - 1);
  EXPECT_THAT(text, AllOf(HasSubstr(">caption 0.<"), HasSubstr(">row 0.<"), HasSubstr(">row 6.<")));
}

TEST_F(ReportPageTest, TagsWithoutNames_AreRefusedBeforeTheWork) {
  write_images(1);
  options_.tags = folder_.write("tags.json", "{}");
  const auto open = [&] { return ReportMaking::open(posix_file_system(), options_).status(); };
  EXPECT_THAT(open().message(), HasSubstr("belong together"));
  options_.tag_names = folder_.path() / "nowhere.txt";
  EXPECT_EQ(open().code(), ErrorCode::kNotFound);
  options_.tags.clear();
  EXPECT_THAT(open().message(), HasSubstr("belong together"));
}

TEST(Thumbnails, Sizes_AreBoundedAndNeverGrow) {
  const auto size = [](int width, int height) {
    const Size small = thumbnail_size({width, height, 3, {}});
    return std::pair(small.width, small.height);
  };
  EXPECT_EQ(size(640, 480), std::pair(213, 160));
  EXPECT_EQ(size(480, 960), std::pair(160, 320));
  EXPECT_EQ(size(100, 80), std::pair(100, 80));
  EXPECT_EQ(size(1, 30000), std::pair(1, 640));
  EXPECT_EQ(size(6400, 800), std::pair(640, 80));
}

TEST(HtmlTexts, LongTexts_AreCutBetweenCharacters) {
  EXPECT_EQ(html_text("a\xc3\xa4"
                      "b",
                      3),
            "a\xc3\xa4"
            "b");
  EXPECT_EQ(html_text("a\xc3\xa4"
                      "bc",
                      2),
            "a\xc3\xa4…");
  EXPECT_EQ(html_text(std::string(5000, '<'), 2), "&lt;&lt;…");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(12345678), "12,345,678");
  for (const std::string text : {"", "f", "fo", "foo", "foob"})
    EXPECT_EQ(bytes_of(data_uri("t", text).substr(14)), text);
  EXPECT_EQ(data_uri("t", "fo"), "data:t;base64,Zm8=");
}

}  // namespace
}  // namespace tagalign::data
