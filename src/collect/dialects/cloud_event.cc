#include "collect/dialects/cloud_event.h"

#include <string>

#include "base/bytes.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/utf8.h"

namespace tidemark::collect {
namespace {

constexpr std::string_view kPrefix = "ce-";

bool IsJson(std::string_view content_type) {
  const std::string type = LowerCase(content_type.substr(0, content_type.find(';')));
  return type.empty() || type.ends_with("/json") || type.ends_with("+json");
}

// The text may stand in JSON: valid UTF-8 without NUL.
bool IsText(std::string_view bytes) {
  std::string quoted;
  JsonWriter json(&quoted);
  json.String(bytes);
  const auto read = JsonValue::Parse(quoted);
  return read && read->text() == bytes && bytes.find('\0') == std::string_view::npos;
}

}  // namespace

bool IsBinaryCloudEvent(const net::Request& request) {
  return request.Header("ce-specversion").has_value();
}

Status AssembleCloudEvent(net::Request* request) {
  const std::string_view content_type = request->Header("Content-Type").value_or("");
  std::string body;
  body.reserve(request->body.size() + 512);
  JsonWriter json(&body);
  json.BeginObject();
  Status headers;
  request->ForEachHeader([&](std::string_view name, std::string_view value) {
    const std::string lower = LowerCase(name);
    if (!lower.starts_with(kPrefix) || lower.size() == kPrefix.size()) return;
    const std::string attribute = lower.substr(kPrefix.size());
    // The body and its type are what HTTP says they are.
    if (attribute == "data" || attribute == "data_base64") return;
    const std::string text = net::DecodePercent(value, net::Plus::kItself);
    if (!IsUtf8(text)) {
      headers = Fail(Code::kInvalidArgument,
                     "the header `" + lower + "` is not UTF-8 once its %-escapes are undone");
    }
    json.Field(attribute, text);
  });
  TM_TRY(std::move(headers));
  if (!content_type.empty()) json.Field("datacontenttype", content_type);
  if (!request->body.empty()) {
    if (IsJson(content_type)) {
      // Read alone first: what is no JSON could end the event early and begin another.
      const auto data = JsonValue::Parse(request->body);
      if (!data) return Fail(data.error().With("the data of the CloudEvent"));
      json.Key("data").Raw(request->body);
    } else if (IsText(request->body)) {
      json.Field("data", request->body);
    } else {
      json.Field("data_base64", ToBase64(AsBytes(request->body)));
    }
  }
  json.EndObject();
  body.reserve(body.size() + net::kBodyPadding);
  request->body = std::move(body);
  return {};
}

}  // namespace tidemark::collect
