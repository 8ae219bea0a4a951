#include "collect/keeper.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/uuid.h"
#include "collect/dialects/native.h"
#include "collect/translate.h"
#include "event/quarantine.h"

namespace tidemark::collect {
namespace {

using event::Column;

constexpr std::array<std::string_view, 8> kReasons = {
    "missing_field", "wrong_type", "bad_timestamp", "schema",
    "invalid_json",  "too_deep",   "bad_string",    "nul_character"};

// "purchase/3: /amount: minimum" is a rule of the schema "purchase/3".
std::string_view SchemaOf(std::string_view rule) { return rule.substr(0, rule.find(": ")); }

std::string_view TextOf(const event::EventView& event, Column column) {
  return event.Has(column) ? event.Text(column) : std::string_view();
}

}  // namespace

ReasonMetrics::ReasonMetrics(telemetry::Registry* registry) {
  for (const std::string_view reason : kReasons) {
    counters_.emplace_back(
        reason, &registry->AddCounter("tidemark_collect_quarantined_events_total{reason=\"" +
                                          std::string(reason) + "\"}",
                                      "Events put into the quarantine by why they are there."));
  }
}

void ReasonMetrics::Add(std::string_view reason, std::uint64_t count) {
  for (const auto& [name, counter] : counters_) {
    if (name == reason) counter->Add(count);
  }
}

std::string DoorName(const Claim& claim) {
  return std::string(net::MethodName(claim.method)) + " " + std::string(claim.path);
}

Keeper::Keeper(Request request, std::function<std::uint64_t()> dice)
    : request_(request), dice_(std::move(dice)) {}

void Keeper::Look() {
  if (std::exchange(looked_, true) || request_.original.empty()) return;
  const Dialect::Envelope envelope = request_.dialect.EnvelopeOf();
  const bool rewritten = !request_.dialect.ListName().empty();
  if (envelope.list.empty() && !rewritten) return;
  event::JsonIndexer indexer;
  BodyReader reader(request_.original, &indexer);
  // A body that was rewritten was read before; any other is lines, if it cannot be read as one.
  is_list_ = !reader.Open(envelope.list) || reader.is_list();
  if (!is_list_ && !rewritten) return;
  if (rewritten) {
    reader.ForEachEvent([this](const event::JsonCursor& in, const event::JsonSpan& one) {
      originals_.push_back(in.Raw(one));
    });
  }
  reader.ForEachOuter(
      [&](const event::JsonCursor& in, const event::JsonSpan& key, const event::JsonSpan& value) {
        if (std::find(envelope.names.begin(), envelope.names.end(), in.Inside(key)) ==
            envelope.names.end()) {
          return;
        }
        if (value.kind != '{' && in.Raw(value).size() > kEnvelopeTextBytesMax) return;
        envelope_.append(in.Raw(key)).append(":").append(in.Raw(value)).push_back(',');
      });
}

std::string_view Keeper::InEnvelope(std::string_view raw) {
  // Alone, what an event says of its sending would be taken for what its body said.
  const bool may_mislead = is_list_ && (raw.find("\"sentAt\"") != std::string_view::npos ||
                                        raw.find("\"sent_at\"") != std::string_view::npos);
  if (envelope_.empty() && !may_mislead) return raw;
  enveloped_bytes_ += envelope_.size();
  if (enveloped_bytes_ > kEnvelopesBytesMax) return raw;
  wrapped_ = "{" + envelope_ + "\"";
  wrapped_.append(request_.dialect.EnvelopeOf().list).append("\":[").append(raw).append("]}");
  return wrapped_;
}

std::string Keeper::Keep(const event::InvalidEvent& event) {
  const auto known = std::find_if(reasons_.begin(), reasons_.end(),
                                  [&](const auto& one) { return one.first == event.code; });
  if (known == reasons_.end()) {
    reasons_.emplace_back(event.code, 1);
  } else {
    ++known->second;
  }
  if (!request_.stores) return {};
  if (!builder_) {
    builder_.emplace(request_.project, request_.received_at);
    if (request_.key != nullptr) builder_->SetKey(*request_.key);
  }
  const std::uint64_t first = dice_();
  const std::string id = MakeUuidV7(request_.received_at, first, dice_()).ToString();
  Look();
  const bool rewritten = !request_.dialect.ListName().empty();
  // What its client said otherwise than in a body of the dialect is kept as the native event that
  // it would have been.
  const bool as_native = rewritten && event.index >= originals_.size();
  // Of a line that is no JSON only the line itself is worth keeping.
  const bool alone = as_native || event.code == "invalid_json";
  const std::string_view raw =
      alone ? event.raw : InEnvelope(rewritten ? originals_[event.index] : event.raw);
  const std::string door = as_native ? std::string(kNativeDoor) : DoorName(request_.claim);
  const bool has_id = (event.read.made & event::kMadeId) == 0;
  event::AddRecord({.quarantine_id = id,
                    .event_id = has_id ? TextOf(event.read, Column::kEventId) : "",
                    .event_type = TextOf(event.read, Column::kEventType),
                    .user_id = TextOf(event.read, Column::kUserId),
                    .anonymous_id = TextOf(event.read, Column::kAnonymousId),
                    .session_id = TextOf(event.read, Column::kSessionId),
                    .timestamp = event.read.timestamp,
                    .reason = event.code,
                    .rule = event.rule,
                    .message = event.message,
                    .raw = raw,
                    .dialect = as_native ? kNativeName : request_.dialect.name(),
                    .door = door,
                    .schema = event.rule.empty() ? "" : SchemaOf(event.rule)},
                   &*builder_);
  return id;
}

std::string Keeper::Finish() && { return builder_ ? std::move(*builder_).Finish() : std::string(); }

}  // namespace tidemark::collect
