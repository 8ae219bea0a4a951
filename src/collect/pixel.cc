#include "collect/pixel.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"

namespace tidemark::collect {
namespace {

constexpr std::size_t kDepthMax = 8;

constexpr std::string_view kGif(
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    "\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00;",
    43);

// An object that grows by dotted names; a value has no members.
struct Node {
  std::string value;
  std::map<std::string, Node, std::less<>> members;
};

void Place(std::string_view name, std::string value, Node* node) {
  for (std::size_t depth = 1; depth < kDepthMax; ++depth) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) break;
    node = &node->members[std::string(name.substr(0, dot))];
    name.remove_prefix(dot + 1);
  }
  node->members[std::string(name)].value = std::move(value);
}

void Write(const Node& node, JsonWriter* json) {
  if (node.members.empty()) {
    const auto object =
        node.value.starts_with('{') ? JsonValue::Parse(node.value) : Result<JsonValue>(JsonValue());
    if (object && object->is_object()) {
      json->Raw(object->ToJson());
    } else {
      json->String(node.value);
    }
    return;
  }
  json->BeginObject();
  for (const auto& [name, member] : node.members) {
    json->Key(name);
    Write(member, json);
  }
  json->EndObject();
}

}  // namespace

Status AssemblePixel(net::Request* request, std::initializer_list<std::string_view> without) {
  Node root;
  std::string_view rest = request->query();
  for (std::size_t count = 0; !rest.empty(); ++count) {
    if (count == kPixelParametersMax) {
      return Fail(Code::kInvalidArgument,
                  "the query has more than " + std::to_string(kPixelParametersMax) + " parameters");
    }
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string name = net::DecodePercent(pair.substr(0, equals), net::Plus::kBlank);
    if (name.empty() || std::find(without.begin(), without.end(), name) != without.end()) continue;
    std::string value =
        net::DecodePercent(pair.substr(std::min(pair.size(), equals + 1)), net::Plus::kBlank);
    if (!IsUtf8(name) || !IsUtf8(value)) {
      return Fail(Code::kInvalidArgument, "the query holds text that is not UTF-8");
    }
    Place(name, std::move(value), &root);
  }
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  for (const auto& [name, member] : root.members) {
    json.Key(name);
    Write(member, &json);
  }
  json.EndObject();
  body.reserve(body.size() + net::kBodyPadding);
  request->body = std::move(body);
  return {};
}

net::Response PixelAnswer() {
  net::Response response;
  response.content_type = "image/gif";
  response.body = kGif;
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace tidemark::collect
