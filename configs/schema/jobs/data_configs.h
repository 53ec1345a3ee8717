/// tagalign-worker data-report, data-pack and data-tags: training data is looked at and made ready
/// by all ranks of a job.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "configs/schema/jobs/shared_configs.h"

namespace tagalign::config {

/// Ranks wait for one that indexes a download, or works at the last shard alone.
struct DataRuntimeConfig : RuntimeConfig {
  DataRuntimeConfig() { collective_timeout_s = 86'400; }

  bool operator==(const DataRuntimeConfig&) const = default;
};

struct DataReportConfig {
  DataRuntimeConfig runtime;
  std::vector<std::string> sources;
  std::string output;
  std::string cache;
  int decode = 10'000;
  std::string tags;
  std::string tag_names;

  bool operator==(const DataReportConfig&) const = default;
};

template <class V>
void visit_fields(V& v, DataReportConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.field("sources", c.sources,
          Rule("images in any form that data.root may have, and files of captions").required());
  v.field("output", c.output,
          Rule("folder of report.txt, report.json and report.html").required().keeps_numbers());
  v.field(
      "cache", c.cache,
      Rule("folder for the indexes of shards where their own may not be written").keeps_numbers());
  v.field("decode", c.decode,
          Rule("images that are decoded, evenly spread; 0: none").between(0, 1'000'000'000));
  v.field("tags", c.tags, Rule("as data.tags, for the pictures of the page"));
  v.field("tag_names", c.tag_names, Rule("as data.tag_names, for the pictures of the page"));
}

struct DataPackConfig {
  DataRuntimeConfig runtime;
  std::vector<std::string> sources;
  std::string output;
  std::string cache;
  int short_side = 256;
  int quality = 90;
  int shard_mib = 512;

  bool operator==(const DataPackConfig&) const = default;
};

template <class V>
void visit_fields(V& v, DataPackConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.field("sources", c.sources,
          Rule("images in any form that data.root may have, and at most one file of captions")
              .required());
  v.field("output", c.output, Rule("folder of the shards").required().keeps_numbers());
  v.field(
      "cache", c.cache,
      Rule("folder for the indexes of shards where their own may not be written").keeps_numbers());
  v.field("short_side", c.short_side,
          Rule("larger images shrink to it; 0: files stay as they are")
              .between(0, 16'384)
              .in("pixels"));
  v.field("quality", c.quality, Rule("of the JPEGs").between(1, 100));
  v.field("shard_mib", c.shard_mib, Rule("about, of one shard").between(1, 65'536).in("MiB"));
}

/// How many of the most frequent tags make a list.
struct TagListConfig {
  int tags_max = 0;
  int min_count = 5;
  int drop_most_frequent = 0;

  bool operator==(const TagListConfig&) const = default;
};

template <class V>
void visit_fields(V& v, TagListConfig& c) {
  v.field("tags_max", c.tags_max, Rule("most frequent tags in the list").between(1, 10'000'000));
  v.field("min_count", c.min_count,
          Rule("captions that a tag must be in; for 12 million 50").between(1, 1'000'000'000));
  v.field("drop_most_frequent", c.drop_most_frequent,
          Rule("leave out so many of the most frequent").between(0, 1'000'000));
}

struct DataTagsConfig {
  DataRuntimeConfig runtime;
  std::vector<std::string> captions;
  std::string output;
  TagListConfig objects = {.tags_max = 10'000};
  TagListConfig attributes = {.tags_max = 1'000};
  std::string per_caption;
  std::string import;
  bool raw = false;
  std::string wordnet;
  std::string lists;

  bool operator==(const DataTagsConfig&) const = default;
};

template <class V>
void visit_fields(V& v, DataTagsConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.field("captions", c.captions,
          Rule("CSV, lines of URL, tab, caption, or JSON lines; may be empty with `import`"));
  v.field("output", c.output, Rule("folder of lists and labels").required().keeps_numbers());
  v.section("objects", c.objects, "the list of objects");
  v.section("attributes", c.attributes, "the list of attributes");
  v.field("per_caption", c.per_caption,
          Rule("JSON lines with all tags of each caption; empty: none").keeps_numbers());
  v.field("import", c.import,
          Rule("JSON lines with ready tags, which take the parser's place; empty: none"));
  v.field("raw", c.raw, Rule("imported tags stay as they are"));
  v.field("wordnet", c.wordnet,
          Rule("folder of WordNet 3.0's dict files; empty: /usr/share/wordnet").keeps_numbers());
  v.field("lists", c.lists,
          Rule("folder of the lists of words; empty: configs/tags beside the program"));
}

}  // namespace tagalign::config
