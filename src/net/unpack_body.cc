#include "net/unpack_body.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"

namespace tidemark::net {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// What a Content-Encoding says; nothing if nobody knows it.
std::optional<Coding> CodingOf(std::string_view coding) {
  const std::string name = LowerCase(coding);
  if (name.empty() || name == "identity") return Coding::kNone;
  if (name == "gzip" || name == "x-gzip") return Coding::kGzip;
  if (name == "zstd") return Coding::kZstd;
  if (name == "deflate") return Coding::kRawDeflate;
  if (name == "br") return Coding::kBrotli;
  return std::nullopt;
}

std::optional<Response> Unpack(const DecompressLimits& limits, Coding said, std::string* body) {
  Coding coding = SniffCoding(*body);
  const bool is_hidden = said == Coding::kBrotli || said == Coding::kRawDeflate;
  if (coding == Coding::kNone && is_hidden && !body->empty() && !LooksLikeJson(*body)) {
    coding = said;
  }
  bool too_large = false;
  auto plain = DecompressAs(coding, std::move(*body), limits, &too_large);
  if (!plain) {
    return too_large ? ErrorResponse(413, plain.error().message(), "send smaller bodies")
                     : ErrorResponse(plain.error());
  }
  *body = *std::move(plain);
  body->reserve(body->size() + kBodyPadding);
  return std::nullopt;
}

}  // namespace

std::optional<Response> UnpackBody(const DecompressLimits& limits, Request* request) {
  const std::string_view header = request->Header("Content-Encoding").value_or("");
  const auto coding = CodingOf(header);
  if (!coding) {
    Response refusal =
        ErrorResponse(415, "the Content-Encoding `" + std::string(header) + "` is not understood");
    refusal.headers.emplace_back("Accept-Encoding", "gzip, deflate, zstd, br");
    return refusal;
  }
  return Unpack(limits, *coding, &request->body);
}

std::optional<Response> UnpackInner(const DecompressLimits& limits, std::string* body) {
  return Unpack(limits, Coding::kNone, body);
}

bool LooksLikeJson(std::string_view body) {
  body = WithoutByteOrderMark(body);
  const auto first = std::find_if_not(body.begin(), body.end(), IsBlank);
  return first != body.end() && (*first == '{' || *first == '[');
}

}  // namespace tidemark::net
