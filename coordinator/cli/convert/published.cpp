#include "coordinator/cli/convert/published.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "base/format.h"

namespace tagalign::cli {
namespace {

/// What rounds to no difference in the one decimal of most papers.
constexpr double kEqualWithin = 0.05;

using Key = std::pair<std::string, std::string>;  // method, data set

std::map<Key, const config::PublishedScore*> by_key(const config::PublishedScores& published) {
  std::map<Key, const config::PublishedScore*> all;
  for (const auto& score : published.scores) all[{score.method, score.dataset}] = &score;
  return all;
}

}  // namespace

void add_published(const config::PublishedScores& published, ResultsTable& table) {
  const auto known = by_key(published);
  std::set<std::string> sources;
  for (ResultsTable::Row& row : table.rows) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const wire::EvaluationResult* cell = row.cells[i];
      if (cell == nullptr) continue;
      const auto found = known.find({cell->method, cell->dataset});
      if (found == known.end()) continue;
      row.published.resize(row.cells.size());
      row.published[i] = found->second->miou / 100.0;
      sources.insert(format("{}: published in {}", cell->method, found->second->source));
    }
  }
  std::ranges::copy(sources, std::back_inserter(table.notes));
}

std::string paint_differences(const std::string& text) {
  static const std::regex kDifference(R"(\(([+-][0-9]+\.[0-9]+)\))");
  std::string painted;
  auto rest = text.cbegin();
  for (std::sregex_iterator match(text.begin(), text.end(), kDifference), end; match != end;
       ++match) {
    const bool reached = std::stod((*match)[1]) >= -kEqualWithin;
    painted.append(rest, (*match)[0].first);
    painted += format("\x1b[{}m{}\x1b[0m", reached ? 32 : 31, (*match)[0].str());
    rest = (*match)[0].second;
  }
  return painted.append(rest, text.cend());
}

}  // namespace tagalign::cli
