#include "collect/body.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "net/unpack_body.h"

namespace tidemark::collect {
namespace {

// How many wrappings of one another are undone: a form with base64 of gzip, and one to spare.
constexpr int kWrappingsMax = 4;

// The value of `data` of a form, still percent-encoded.
std::optional<std::string_view> DataOfForm(std::string_view form) {
  constexpr std::string_view kName = "data=";
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    if (pair.starts_with(kName)) return pair.substr(kName.size());
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
  }
  return std::nullopt;
}

// Base64 of anything that is worth it; forms turn '+' into a blank.
std::optional<std::string> Unbase64(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '+');
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  if (text.empty()) return std::nullopt;
  return FromBase64(text);
}

void Pad(std::string* body) { body->reserve(body->size() + net::kBodyPadding); }

// Takes one wrapping off; false if there is none that is known.
bool UnwrapText(std::string* body) {
  if (const auto data = DataOfForm(*body)) {
    // Blanks are kept as '+' for base64, and are what they are in JSON.
    std::string plain = net::DecodePercent(*data, net::Plus::kItself);
    *body =
        net::LooksLikeJson(plain) ? net::DecodePercent(*data, net::Plus::kBlank) : std::move(plain);
    Pad(body);
    return true;
  }
  auto plain = Unbase64(*body);
  if (!plain) return false;
  if (!net::LooksLikeJson(*plain) && net::SniffCoding(*plain) == net::Coding::kNone) return false;
  *body = *std::move(plain);
  Pad(body);
  return true;
}

}  // namespace

std::optional<net::Response> UnwrapBody(const net::DecompressLimits& limits, bool opaque,
                                        net::Request* request) {
  std::string& body = request->body;
  if (body.empty() && request->method == net::Method::kGet) {
    body = request->QueryParameter("data").value_or("");
  }
  if (auto refusal = net::UnpackBody(limits, request)) return refusal;
  if (opaque) return std::nullopt;
  for (int i = 0; i < kWrappingsMax && !net::LooksLikeJson(body) && UnwrapText(&body); ++i) {
    if (net::SniffCoding(body) == net::Coding::kNone) continue;
    if (auto refusal = net::UnpackInner(limits, &body)) return refusal;
  }
  return std::nullopt;
}

}  // namespace tidemark::collect
