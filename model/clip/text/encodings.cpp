#include "model/clip/text/encodings.h"

#include <unicode/ucnv.h>

#include <array>
#include <memory>

#include "base/format.h"
#include "base/status.h"
#include "model/clip/text/char_table.h"

namespace tagalign::model {
namespace {

constexpr const char* kIcuNames[kEncodings] = {
    "iso-8859-1",   "windows-1252", "windows-1251", "windows-1250", "windows-1253",
    "windows-1254", "windows-1257", "iso-8859-2",   "macintosh",    "cp437"};
constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kMicroSign = 0xB5;
constexpr std::size_t kCodePage437Micro = 0xE6;  // a Greek mu in ICU, the micro sign in Python

struct Bytes {
  EncodingSet encodings = 0;
  std::array<std::uint8_t, kEncodings> byte{};  // by encoding
};

char32_t icu_character(UConverter* converter, std::uint8_t byte) {
  const char* source = reinterpret_cast<const char*>(&byte);
  UErrorCode error = U_ZERO_ERROR;
  const UChar32 c = ucnv_getNextUChar(converter, &source, source + 1, &error);
  return U_SUCCESS(error) ? static_cast<char32_t>(c) : kReplacement;
}

/// Both directions of all encodings, made once.
struct Tables {
  std::array<std::array<char32_t, 256>, kEncodings> characters{};
  CharTable<Bytes> bytes;

  Tables() {
    for (int i = 0; i < kEncodings; ++i) add(static_cast<Encoding>(i));
  }

  void add(Encoding encoding) {
    const auto index = static_cast<std::size_t>(encoding);
    UErrorCode error = U_ZERO_ERROR;
    const std::unique_ptr<UConverter, void (*)(UConverter*)> converter(
        ucnv_open(kIcuNames[index], &error), ucnv_close);
    TA_CHECK(U_SUCCESS(error),
             format("ICU cannot open converter {}: {}", kIcuNames[index], u_errorName(error)));
    auto& row = characters[index];
    for (std::size_t byte = 0; byte < row.size(); ++byte) {
      const bool ascii = byte < 0x80;  // ICU's code page 437 permutes some control characters
      const auto same = static_cast<char32_t>(byte);
      row[byte] = ascii ? same : icu_character(converter.get(), static_cast<std::uint8_t>(byte));
      if (row[byte] == kReplacement) row[byte] = same;
    }
    if (encoding == Encoding::kCodePage437) row[kCodePage437Micro] = kMicroSign;
    if (is_windows(encoding)) row[static_cast<std::size_t>(kLostByte)] = kReplacement;
    for (std::size_t byte = 0; byte < row.size(); ++byte) {
      Bytes& entry = bytes.at(row[byte]);
      entry.encodings = static_cast<EncodingSet>(entry.encodings | 1u << index);
      entry.byte[index] = static_cast<std::uint8_t>(byte);
    }
  }
};

const Tables& tables() {
  static const Tables made;
  return made;
}

}  // namespace

char32_t decode_byte(Encoding encoding, std::uint8_t byte) {
  return tables().characters[static_cast<std::size_t>(encoding)][byte];
}

EncodingSet encodings_of(std::u32string_view text) {
  const CharTable<Bytes>& bytes = tables().bytes;
  EncodingSet set = (1u << kEncodings) - 1;
  for (std::size_t i = 0; i < text.size() && set != 0; ++i) {
    set = static_cast<EncodingSet>(set & bytes[text[i]].encodings);
  }
  return set;
}

std::string encode(std::u32string_view text, Encoding encoding) {
  const CharTable<Bytes>& bytes = tables().bytes;
  std::string encoded;
  encoded.reserve(text.size());
  for (char32_t c : text) {
    encoded.push_back(static_cast<char>(bytes[c].byte[static_cast<std::size_t>(encoding)]));
  }
  return encoded;
}

}  // namespace tagalign::model
