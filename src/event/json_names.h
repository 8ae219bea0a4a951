// The names under which clients send the columns of the events table. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "event/schema.h"

namespace tidemark::event {

enum class FieldRole : std::uint8_t {
  kOther,         // No column: goes into `properties`.
  kColumn,        // See FieldName::column.
  kContext,       // `context`: an object whose ip and userAgent are columns.
  kCloudId,       // `id`: event_id of a CloudEvent, otherwise no column.
  kCloudData,     // `data` of a CloudEvent: its members are fields of the event.
  kCloudVersion,  // `specversion`: makes the object a CloudEvent.
};

struct FieldName {
  std::string_view name;
  FieldRole role = FieldRole::kOther;
  Column column = Column::kEventId;
  std::uint8_t rank = 0;  // If two names of a column are there, the lower rank is the column.
};

// What `name` stands for in an event; the role is kOther if nothing. 16 bytes are read from its
// beginning, however short it is: it lies in a JSON text with its padding (json_tokens.h).
const FieldName& FindField(std::string_view name);
// All of them.
std::span<const FieldName> Fields();
// The same for members of `context`.
const FieldName& FindContextField(std::string_view name);

}  // namespace tidemark::event
