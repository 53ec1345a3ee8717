/// Scores that others published, to stand beside ours: `tagalign results --published FILE`. Pure.
#pragma once

#include <string>
#include <vector>

#include "configs/schema/document/rule.h"

namespace tagalign::config {

struct PublishedScore {
  std::string method;
  std::string dataset;
  double miou = 0.0;
  std::string source;

  bool operator==(const PublishedScore&) const = default;
};

template <class V>
void visit_fields(V& v, PublishedScore& c) {
  v.field("method", c.method, Rule("row of the table that it is compared with").required());
  v.field("dataset", c.dataset, Rule("name of the data set").required());
  v.field("miou", c.miou, Rule("as published").between(0, 100).in("per cent"));
  v.field("source", c.source, Rule("where it stands").required());
}

struct PublishedScores {
  std::vector<PublishedScore> scores;

  bool operator==(const PublishedScores&) const = default;
};

template <class V>
void visit_fields(V& v, PublishedScores& c) {
  v.list("scores", c.scores, 1, "one a method and data set");
}

}  // namespace tagalign::config
