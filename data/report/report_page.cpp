#include "data/report/report_page.h"

#include <algorithm>
#include <span>

#include "base/format.h"
#include "data/report/html.h"
#include "data/report/page_samples.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kRowsMax = 200;
constexpr std::size_t kTagsMax = 50;

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Data report</title>
<style>
:root { color-scheme: light dark; --soft: #667; --line: #ccd; --bar: #58a; --bad: #a22; }
@media (prefers-color-scheme: dark) {
  :root { --soft: #99a; --line: #445; --bar: #69b; --bad: #e77; }
}
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 1.5rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; margin: 1.6em 0 .5em; }
h3 { font-size: 1em; margin-top: 1em; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.b { width: 14rem; }
td.b div { background: var(--bar); height: .8em; margin-top: .3em; min-width: 1px; }
.side { display: flex; flex-wrap: wrap; gap: 0 3rem; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: .3rem;
  overflow: hidden; }
figure img { display: block; margin: 0 auto .4rem; max-width: 100%; max-height: 12rem;
  object-fit: contain; }
figcaption { overflow-wrap: anywhere; }
figcaption p { margin: .3rem 0; max-height: 9em; overflow: auto; }
.name, .note { color: var(--soft); font-size: .8em; }
.tag { display: inline-block; border: 1px solid var(--line); border-radius: 1em; padding: 0 .5em;
  margin: 0 .2em .2em 0; font-size: .85em; }
.bad { color: var(--bad); }
</style>
</head>
<body>
<h1>Data report</h1>
)";

/// A row of cells. Texts are escaped; numbers stand at the right.
class Row {
 public:
  Row& text(std::string_view foreign) { return cell("<td dir=\"auto\">", html_text(foreign)); }
  Row& number(std::uint64_t value) { return cell("<td class=\"n\">", grouped(value)); }
  Row& right(std::string_view foreign) { return cell("<td class=\"n\">", html_text(foreign)); }
  Row& bar(std::uint64_t value, std::uint64_t most) {
    const double percent =
        most == 0 ? 0 : 100.0 * static_cast<double>(value) / static_cast<double>(most);
    if (value == 0) return cell("<td class=\"b\">", "");
    return cell("<td class=\"b\">", format("<div style=\"width: {:.1f}%\"></div>", percent));
  }
  std::string html() const { return "<tr>" + cells_ + "</tr>\n"; }

 private:
  Row& cell(std::string_view tag, std::string_view contents) {
    cells_ += format("{}{}</td>", tag, contents);
    return *this;
  }
  std::string cells_;
};

std::string heading(std::string_view text) {
  return format("<h2>{}</h2>\n", html_text(text));
}

/// Titles are our own words; one that begins with '#' stands over numbers.
std::string table(std::span<const std::string_view> titles, std::string_view rows) {
  std::string head;
  for (const std::string_view title : titles) {
    const bool number = title.starts_with('#');
    head += format("<th{}>{}</th>", number ? " class=\"n\"" : "", title.substr(number ? 1 : 0));
  }
  if (!head.empty()) head = "<tr>" + head + "</tr>\n";
  return format("<table>\n{}{}</table>\n", head, rows);
}

std::string table(std::initializer_list<std::string_view> titles, std::string_view rows) {
  return table(std::span(titles.begin(), titles.size()), rows);
}

std::string titled(std::string_view title, std::string_view contents) {
  return format("<div><h3>{}</h3>\n{}</div>\n", html_text(title), contents);
}

std::string counts_html(std::string_view title,
                        const std::map<std::string, std::uint64_t>& counts) {
  if (counts.empty()) return {};
  std::uint64_t most = 0;
  for (const auto& [name, count] : counts) most = std::max(most, count);
  std::string rows;
  for (const auto& [name, count] : counts)
    rows += Row().text(name.empty() ? "(none)" : name).number(count).bar(count, most).html();
  return titled(title, table({}, rows));
}

std::string histogram_html(std::string_view title, const Histogram& histogram) {
  if (histogram.counts.empty()) return {};
  const std::uint64_t most = *std::ranges::max_element(histogram.counts);
  std::string rows;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    const bool last = i + 1 == histogram.counts.size();
    const std::string range =
        grouped(histogram.bounds[i]) + " … " + (last ? "" : grouped(histogram.bounds[i + 1] - 1));
    rows += Row().right(range).number(histogram.counts[i]).bar(histogram.counts[i], most).html();
  }
  return titled(format("{} ({})", title, histogram.unit), table({}, rows));
}

std::string side_by_side(std::string_view parts) {
  return parts.empty() ? std::string() : format("<div class=\"side\">\n{}</div>\n", parts);
}

std::string summary_html(const DataReport& report) {
  const auto mebibytes = static_cast<double>(report.image_bytes) / 1048576;
  std::string rows =
      Row().text("images").number(report.images).html() +
      Row().text("MiB").right(format("{:.1f}", mebibytes)).html() +
      Row().text("shards or folders").number(report.shards.size()).html() +
      Row().text("images with the URL of an earlier one").number(report.equal_urls).html() +
      Row().text("images examined").number(report.examined).html();
  if (report.examined > 0)
    rows +=
        Row().text("decoded with the bytes of an earlier one").number(report.equal_files).html();
  return table({}, rows);
}

std::string captions_html(std::string_view title, const CaptionCounts& captions) {
  if (captions.captions == 0) return {};
  const std::string rows = Row().text("captions").number(captions.captions).html() +
                           Row().text("equal an earlier one").number(captions.equal).html() +
                           Row().text("hold a Chinese character").number(captions.chinese).html();
  return heading(title) +
         side_by_side(titled("Counts", table({}, rows)) + counts_html("Scripts", captions.scripts) +
                      histogram_html("Lengths", captions.lengths));
}

std::string links_html(const DataReport& report) {
  if (report.links.empty()) return {};
  std::string rows;
  for (const LinkRow& link : report.links) {
    rows += Row()
                .text(link.name)
                .number(link.rows)
                .number(link.with_image)
                .number(link.rows - link.with_image)
                .bar(link.with_image, link.rows)
                .number(link.equal_urls)
                .number(link.bad_lines)
                .html();
  }
  return heading("Files of captions") +
         table({"file", "#rows", "#with an image", "#without", "share with an image",
                "#URL of an earlier row", "#bad lines"},
               rows);
}

std::string more_html(std::size_t count) {
  return count <= kRowsMax ? std::string()
                           : format("<p>and {} more</p>\n", grouped(count - kRowsMax));
}

std::string shards_html(const DataReport& report) {
  const std::vector<ShardRow> odd = odd_shards(report);
  if (odd.empty()) return {};
  std::string rows;
  for (const ShardRow& shard : std::span(odd).first(std::min(odd.size(), kRowsMax))) {
    rows += Row()
                .text(shard.name)
                .number(shard.found)
                .right(shard.expected ? grouped(*shard.expected) : "no _stats.json")
                .text(shard.trouble)
                .html();
  }
  return heading("Shards with a finding") +
         table({"shard", "#images found", "#expected", "trouble"}, rows) + more_html(odd.size());
}

std::string broken_html(const DataReport& report) {
  if (report.broken.empty()) return {};
  std::string rows;
  for (const auto& [kind, broken] : report.broken)
    rows += Row().text(kind).number(broken.count).text(broken.first).html();
  return heading("Broken images") + table({"kind", "#images", "one of them"}, rows);
}

std::string tags_html(const PageSample& sample) {
  std::string tags;
  const std::size_t shown = std::min(sample.tags.size(), kTagsMax);
  for (const std::string& tag : std::span(sample.tags).first(shown))
    tags += format("<span class=\"tag\" dir=\"auto\">{}</span>", html_text(tag, 100));
  if (shown < sample.tags.size()) tags += format(" and {} more", sample.tags.size() - shown);
  if (!sample.note.empty())
    tags += format("<span class=\"note\">tags: {}</span>", html_text(sample.note));
  return tags.empty() ? tags : format("<div>{}</div>", tags);
}

std::string sample_html(const PageSample& sample) {
  std::string html = "<figure>";
  if (sample.jpeg.empty()) {
    html += format("<p class=\"bad\">{}</p>", html_text(sample.trouble));
  } else {
    html += format("<img width=\"{}\" height=\"{}\" alt=\"\" src=\"{}\">", sample.size.width,
                   sample.size.height, data_uri("image/jpeg", sample.jpeg));
  }
  html += "<figcaption>";
  for (const std::string& caption : sample.captions)
    html += format("<p dir=\"auto\">{}</p>", html_text(caption));
  if (sample.captions.empty()) html += "<p class=\"note\">no caption</p>";
  return html + tags_html(sample) +
         format("<div class=\"name\">{}</div></figcaption></figure>\n", html_text(sample.name));
}

std::string sheet_html(std::span<const PageSample> samples, std::uint64_t images) {
  if (samples.empty()) return {};
  std::string html =
      heading(format("{} of {} images, evenly spread", samples.size(), grouped(images)));
  html += "<div class=\"sheet\">\n";
  for (const PageSample& sample : samples) html += sample_html(sample);
  return html + "</div>\n";
}

std::string sources_html(const std::vector<std::string>& sources) {
  std::string list;
  for (const std::string& source : sources) list += (list.empty() ? "" : ", ") + html_text(source);
  return format("<p class=\"name\">{}</p>\n", list);
}

}  // namespace

Result<std::string> report_page(ReportMaking& making, const DataReport& report) {
  TA_ASSIGN_OR_RETURN(const auto samples, read_page_samples(making, report.sheet));
  std::string html(kHead);
  html += sources_html(making.options().sources) + summary_html(report) + links_html(report) +
          shards_html(report) + broken_html(report);
  html += heading("Images") + side_by_side(histogram_html("File sizes", report.file_sizes) +
                                           histogram_html("Short sides", report.short_sides) +
                                           counts_html("Formats", report.formats) +
                                           counts_html("Endings", report.endings) +
                                           counts_html("Findings", report.oddities) +
                                           counts_html("Downloads by status", report.statuses));
  html += captions_html("Captions beside the images", report.beside);
  for (const LinkRow& link : report.links)
    html += captions_html("Captions of " + link.name, link.captions);
  return html + sheet_html(samples, report.images) + "</body>\n</html>\n";
}

}  // namespace tagalign::data
