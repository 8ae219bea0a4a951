#include "collect/body.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace tidemark::collect {
namespace {

// How many wrappings of one another are undone: a form with base64 of gzip, and one to spare.
constexpr int kWrappingsMax = 4;

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// What a Content-Encoding says, in small letters; nothing if nobody knows it.
std::optional<net::Coding> CodingOf(std::string_view coding) {
  std::string name(coding);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (name.empty() || name == "identity") return net::Coding::kNone;
  if (name == "gzip" || name == "x-gzip") return net::Coding::kGzip;
  if (name == "zstd") return net::Coding::kZstd;
  if (name == "deflate") return net::Coding::kRawDeflate;
  if (name == "br") return net::Coding::kBrotli;
  return std::nullopt;
}

// As it begins; a byte order mark and blanks may be before it.
bool LooksLikeJson(std::string_view body) {
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  const auto first = std::find_if_not(body.begin(), body.end(), IsBlank);
  return first != body.end() && (*first == '{' || *first == '[');
}

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
    std::string plain = net::DecodePercent(*data, false);
    *body = LooksLikeJson(plain) ? net::DecodePercent(*data, true) : std::move(plain);
    Pad(body);
    return true;
  }
  auto plain = Unbase64(*body);
  if (!plain) return false;
  if (!LooksLikeJson(*plain) && net::SniffCoding(*plain) == net::Coding::kNone) return false;
  *body = *std::move(plain);
  Pad(body);
  return true;
}

// Which coding it is is told by the body's first bytes; only of those that have none of their own
// `said` is believed, and only if the body does not look like what it would be afterwards.
std::optional<net::Response> Decompress(const net::DecompressLimits& limits, net::Coding said,
                                        std::string* body) {
  net::Coding coding = net::SniffCoding(*body);
  const bool is_hidden = said == net::Coding::kBrotli || said == net::Coding::kRawDeflate;
  if (coding == net::Coding::kNone && is_hidden && !body->empty() && !LooksLikeJson(*body)) {
    coding = said;
  }
  bool too_large = false;
  auto plain = net::DecompressAs(coding, std::move(*body), limits, &too_large);
  if (!plain) {
    return too_large ? net::ErrorResponse(413, plain.error().message(), "send smaller batches")
                     : net::ErrorResponse(plain.error());
  }
  *body = *std::move(plain);
  return std::nullopt;
}

}  // namespace

std::optional<net::Response> UnwrapBody(const net::DecompressLimits& limits, bool opaque,
                                        net::Request* request) {
  const std::string_view header = request->Header("Content-Encoding").value_or("");
  const auto coding = CodingOf(header);
  if (!coding) {
    net::Response refusal = net::ErrorResponse(
        415, "the Content-Encoding `" + std::string(header) + "` is not understood");
    refusal.headers.emplace_back("Accept-Encoding", "gzip, deflate, zstd, br");
    return refusal;
  }
  std::string& body = request->body;
  if (body.empty() && request->method == net::Method::kGet) {
    body = request->QueryParameter("data").value_or("");
  }
  if (auto refusal = Decompress(limits, *coding, &body)) return refusal;
  Pad(&body);
  if (opaque) return std::nullopt;
  for (int i = 0; i < kWrappingsMax && !LooksLikeJson(body) && UnwrapText(&body); ++i) {
    if (net::SniffCoding(body) == net::Coding::kNone) continue;
    if (auto refusal = Decompress(limits, net::Coding::kNone, &body)) return refusal;
  }
  return std::nullopt;
}

}  // namespace tidemark::collect
