// Big JSON documents of which the caller knows most: some of their arrays are told object by
// object, as text, instead of being built. Any thread.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/json_reader.h"
#include "base/result.h"

namespace tidemark {

struct JsonElements {
  // Names of members of the outermost object.
  std::span<const std::string_view> members;
  // An array begins: of repeated members the last counts.
  std::function<void(std::string_view member)> begin;
  // An object of it. `text` lives for the call.
  std::function<Status(std::string_view member, std::string_view text)> take;
};

// As JsonValue::Parse, but the objects in those arrays are taken, and missing in the tree; whether
// they are well formed inside is for the taker to find out. Its errors are returned.
Result<JsonValue> ParseJsonElements(std::string_view text, const JsonElements& elements);

}  // namespace tidemark
