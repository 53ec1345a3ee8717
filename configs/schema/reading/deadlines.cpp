#include "configs/schema/reading/deadlines.h"

#include "base/time_span.h"

namespace tagalign::config {

Deadlines read_deadlines(const DeadlineTexts& texts, const std::string& path, const Origin& origin,
                         Problems& problems) {
  const auto read = [&](const char* key, const std::string& text) -> std::int64_t {
    if (text.empty()) return 0;
    const auto span_ms = parse_span(path + "." + key, text);
    if (span_ms.ok()) return *span_ms;
    problems.add(origin, span_ms.status().message());
    return 0;
  };
  return {.start = read("start", texts.start),
          .load = read("load", texts.load),
          .first_step = read("first_step", texts.first_step),
          .step = read("step", texts.step),
          .save = read("save", texts.save),
          .image = read("image", texts.image)};
}

}  // namespace tagalign::config
