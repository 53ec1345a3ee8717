/// What golden_check found: one line a quantity, a summary a group, and whether everything agrees.
///
/// A group's comparisons add lines; each is printed at once. Deviation: of a tensor's entry that
/// strays farthest. Nothing here knows Torch: compare.h turns tensors into deviations. One thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace tagalign::golden {

enum class Verdict {
  kOk,
  kOut,          ///< compared, and beyond the tolerance
  kMissing,      ///< expected in the folder, or from our side, and not there
  kNotCompared,  ///< there, but not compared; the line says why
};

/// How far the largest deviation may go: absolute · max(1, largest / typical) + relative · largest,
/// where `largest` is the largest expected entry. `typical` is the size of the values for which
/// `absolute` was measured; 0 leaves `absolute` as it is.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
  double typical = 0;
  double allowed(double largest) const;
};

/// Of integers, bytes and texts: at most `share` of the values may differ, none
/// by more than `levels`.
struct CountTolerance {
  double levels = 0;
  double share = 0;
};

struct Deviation {
  std::uint64_t values = 0;
  double absolute = 0;  ///< largest; infinite where one side only is not a number
  double largest = 0;   ///< largest expected entry
  std::string problem;  ///< other shapes, for example; then nothing else counts
  double relative() const { return largest > 0 ? absolute / largest : absolute; }
};

struct Line {
  std::string group, quantity;
  std::string compared;  ///< "4352 values", or both values of a number
  double absolute = 0, relative = 0;
  std::string tolerance;  ///< as printed
  double used = 0;        ///< share of the tolerance that the deviation takes
  Verdict verdict = Verdict::kOk;
  std::string note;
};

class Report {
 public:
  explicit Report(std::ostream& out) : out_(out) {}

  void begin_group(const std::string& group);
  /// Prints the group's summary. A group without a single comparison is missing, unless something
  /// said that the folder leaves it out.
  void end_group();

  void deviation(const std::string& quantity, const Deviation& found, const Tolerance& tolerance);
  void number(const std::string& quantity, double actual, double expected,
              const Tolerance& tolerance);
  void equal(const std::string& quantity, const std::string& actual, const std::string& expected);
  void equal(const std::string& quantity, std::int64_t actual, std::int64_t expected);
  /// `differing` of `values` differ, the worst by `levels`. Of no values: not compared.
  void counted(const std::string& quantity, std::uint64_t values, std::uint64_t differing,
               double levels, const CountTolerance& tolerance, const std::string& note = {});
  void bytes(const std::string& quantity, std::span<const std::uint8_t> actual,
             std::span<const std::uint8_t> expected, const CountTolerance& tolerance);

  /// A statistical test on `draws` draws: good when `probability`, of a deviation as large by
  /// chance, is above `probability_min`.
  void chance(const std::string& quantity, std::uint64_t draws, double statistic,
              double probability, double probability_min);

  /// Compared, and wrong in a way that no number says.
  void failed(const std::string& quantity, const std::string& reason);
  void missing(const std::string& quantity, const std::string& reason);
  void not_compared(const std::string& quantity, const std::string& reason);
  /// `path` is in the folder's list of what it leaves out.
  void left_out(const std::string& path);

  /// Nothing is out or missing.
  bool all_agree() const;
  void print_total() const;
  nlohmann::ordered_json json() const;

 private:
  struct Group {
    std::string name;
    std::uint64_t ok = 0, out = 0, missing = 0, not_compared = 0;
    bool left_out = false;
    double used = 0;  ///< largest share of a tolerance among the good lines
    std::string used_by;
  };
  void add(Line line);
  static std::string summary(const Group& group);

  std::ostream& out_;
  std::vector<Line> lines_;
  std::vector<Group> groups_;
};

std::string verdict_name(Verdict verdict);

}  // namespace tagalign::golden
