#include "serve/receipt_handler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/json_writer.h"

namespace tidemark::serve {
namespace {

constexpr std::string_view kReceiptHint =
    "take X-Tidemark-Receipt as it was answered, and a key of the project that the events went to";

// How many of the offsets [first, end) lie in [begin, until).
std::int64_t Common(const event::Receipt& receipt, LogOffset begin, LogOffset until) {
  const std::int64_t from = std::max(receipt.first.value, begin.value);
  return std::max<std::int64_t>(0, std::min(receipt.end().value, until.value) - from);
}

void AppendSnapshots(const std::vector<catalog::LedgerRow>& ledger, const event::Receipt& receipt,
                     JsonWriter* json) {
  json->Key("snapshots").BeginArray();
  for (const catalog::LedgerRow& row : ledger) {
    const std::int64_t offsets = Common(receipt, row.begin, row.end);
    if (offsets == 0 || row.kind == catalog::CommitKind::kForgotten) continue;
    json->BeginObject().Field("snapshot_id", row.snapshot.value);
    json->Field("committed_at", FormatTime(row.committed_at)).Field("offsets", offsets);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

void ReceiptHandler::Handle(const net::Request& request,
                            const std::shared_ptr<net::Responder>& responder) {
  const auto project = authorize_(request);
  if (!project) return responder->Send(project.error());
  const auto receipt = event::DecodeReceipt(request.PathParameter("id"));
  if (!receipt) return responder->Send(net::ErrorResponse(receipt.error(), kReceiptHint));
  const bool posted =
      pool_->Post(*project, [this, responder, project = *project, receipt = *receipt] {
        responder->Send(Resolve(project, receipt));
      });
  if (!posted) {
    responder->Send(net::ErrorResponse(503, "too many requests wait; ask again in a moment"));
  }
}

net::Response ReceiptHandler::Resolve(const std::string& project,
                                      const event::Receipt& receipt) const {
  tide::Core& core = *sources_.core();
  const auto cuts = core.CutsOf(project);
  const auto& cut = (*cuts)[tide::Stream::kEvents];
  const auto& quarantine = (*cuts)[tide::Stream::kQuarantine];
  if (receipt.log_id != core.log_id() || receipt.partition != 0 || receipt.end() > cut->end() ||
      receipt.quarantine_end() > quarantine->end()) {
    return net::ErrorResponse(404, "no events of the project have this receipt", kReceiptHint);
  }
  std::vector<catalog::LedgerRow> ledger;
  if (cut->lake != nullptr && receipt.first < cut->settled()) {
    auto rows = sources_.commits(cut->lake->table, receipt.first, receipt.end());
    if (!rows) return net::ErrorResponse(rows.error());
    ledger = *std::move(rows);
  }
  const bool settled =
      receipt.end() <= cut->settled() && receipt.quarantine_end() <= quarantine->settled();
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Field("receipt", event::EncodeReceipt(receipt)).Field("project", project);
  json.Field("status", settled ? "settled" : "visible");
  json.Field("partition", receipt.partition);
  json.Field("first_offset", receipt.first.value).Field("end_offset", receipt.end().value);
  json.Field("offsets", receipt.count).Field("durable", true).Field("visible", true);
  json.Field("settled", settled);
  json.Field("settled_offsets", Common(receipt, LogOffset(0), cut->settled()));
  AppendSnapshots(ledger, receipt, &json);
  if (receipt.quarantine_count > 0) {
    json.Key("quarantine").BeginObject();
    json.Field("first_offset", receipt.quarantine_first.value);
    json.Field("end_offset", receipt.quarantine_end().value);
    json.Field("items", receipt.quarantine_count);
    json.Field("settled", receipt.quarantine_end() <= quarantine->settled());
    json.Field("sql", "select * from quarantine where log_offset >= " +
                          std::to_string(receipt.quarantine_first.value) + " and log_offset < " +
                          std::to_string(receipt.quarantine_end().value));
    json.EndObject();
  }
  json.Field("sql",
             "select * from events where log_offset >= " + std::to_string(receipt.first.value) +
                 " and log_offset < " + std::to_string(receipt.end().value));
  json.EndObject();
  response.body.push_back('\n');
  return response;
}

}  // namespace tidemark::serve
