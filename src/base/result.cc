#include "base/result.h"

#include <array>

namespace tidemark {
namespace {

struct CodeRow {
  std::string_view text;
  int http;
};

constexpr std::array kCodes = {
#define TM_ERROR_CODE(name, text, http, sqlstate, sentence) CodeRow{text, http},
#include "base/error_codes.def"
#undef TM_ERROR_CODE
};

}  // namespace

std::string_view CodeName(Code code) { return kCodes.at(static_cast<std::size_t>(code)).text; }

int HttpStatus(Code code) { return kCodes.at(static_cast<std::size_t>(code)).http; }

Error Error::With(std::string_view context) && {
  message_.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

Error Error::With(std::string_view context) const& {
  Error copy = *this;
  return std::move(copy).With(context);
}

std::string Error::ToString() const {
  std::string_view file = where_.file_name();
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos)
    file.remove_prefix(slash + 1);
  std::string text(CodeName(code_));
  text.append(": ").append(message_).append(" (").append(file).append(":");
  return text.append(std::to_string(where_.line())).append(")");
}

}  // namespace tidemark
