// The registration of a schema, whichever interface it comes by: the schema goes into the registry,
// and the properties that it wants promoted become columns of the project's events.
//
// A promotion that cannot be is refused before anything is registered. One that fails later leaves
// the schema registered: registering it again promotes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "event/schema.h"
#include "meta/schemas.h"
#include "net/http.h"
#include "schema/promotion.h"
#include "serve/schema_handler.h"

namespace tidemark::serve {

struct Registration {
  meta::Registered registered;
  std::vector<event::PropertyColumn> promoted;        // What the schema wants as columns.
  std::shared_ptr<const event::TableSchema> columns;  // That events have now; null: none promoted.
};
using AnswerRegistration = std::function<net::Response(const Result<Registration>& registration)>;

// Sends what `answer` makes of it; calls it on this thread or on the tide's. Blocks on the
// database.
void RegisterSchema(const SchemaHandlerParts& parts, const std::string& project,
                    const meta::NewSchema& added, const schema::PromotionWish& wish,
                    const std::shared_ptr<net::Responder>& responder, AnswerRegistration answer);

}  // namespace tidemark::serve
