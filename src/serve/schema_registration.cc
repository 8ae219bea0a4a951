#include "serve/schema_registration.h"

#include <utility>

#include "base/json_reader.h"
#include "tide/promotions.h"

namespace tidemark::serve {
namespace {

// Registers, unless what is wanted cannot be.
Result<Registration> Register(const SchemaHandlerParts& parts, const std::string& project,
                              const meta::NewSchema& added, const schema::PromotionWish& wish) {
  Registration made;
  // What is no JSON the registry refuses.
  if (const auto text = JsonValue::Parse(added.text)) {
    TM_ASSIGN(made.promoted, schema::PropertyColumnsOf(*text, wish));
  }
  if (!made.promoted.empty()) {
    if (parts.service() == nullptr) {
      return Fail(Code::kUnavailable, "the server is replaying its log; ask again in a moment");
    }
    const auto cuts = parts.core()->CutsOf(project);
    const auto& head = (*cuts)[tide::Stream::kEvents]->lake;
    TM_TRY(tide::CheckPromotion(head.get(), made.promoted));
  }
  TM_ASSIGN(made.registered, parts.schemas->Register(project, added, parts.clock->WallNow()));
  return made;
}

}  // namespace

void RegisterSchema(const SchemaHandlerParts& parts, const std::string& project,
                    const meta::NewSchema& added, const schema::PromotionWish& wish,
                    const std::shared_ptr<net::Responder>& responder, AnswerRegistration answer) {
  auto made = Register(parts, project, added, wish);
  if (!made || made->promoted.empty()) return responder->Send(answer(made));
  auto columns = made->promoted;
  parts.core()->Promote(
      project, std::move(columns),
      [made = *std::move(made), responder, answer = std::move(answer)](
          const Result<std::shared_ptr<const event::TableSchema>>& promoted) mutable {
        if (!promoted) {
          return responder->Send(answer(Fail(promoted.error().With(
              "the schema is registered, its columns are not made; register it again"))));
        }
        made.columns = *promoted;
        responder->Send(answer(std::move(made)));
      });
}

}  // namespace tidemark::serve
