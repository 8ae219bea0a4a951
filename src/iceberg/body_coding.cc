#include "iceberg/body_coding.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "lake/deflate.h"

namespace tidemark::iceberg {
namespace {

constexpr int kLevel = 1;

std::string_view TakeUntil(char end, std::string_view* rest) {
  const std::string_view part = rest->substr(0, rest->find(end));
  rest->remove_prefix(std::min(rest->size(), part.size() + 1));
  return part;
}

std::string Word(std::string_view text) {
  std::string word = LowerCase(text);
  std::erase_if(word, [](char c) { return c == ' ' || c == '\t'; });
  return word;
}

// `q=0`, `q=0.0`: not acceptable.
bool IsZero(const std::string& weight) {
  return weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string::npos;
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<bool> gzip;
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view one = TakeUntil(',', &accept_encoding);
    const std::string coding = Word(TakeUntil(';', &one));
    const bool taken = !IsZero(Word(one));
    if (coding == "gzip" || coding == "x-gzip") gzip = taken;
    if (coding == "*") any = taken;
  }
  return gzip.value_or(any);
}

std::string GzipBody(std::string_view body) {
  return lake::Deflate(body, lake::DeflateForm::kGzip, kLevel);
}

}  // namespace tidemark::iceberg
