#include "serve/answer.h"

#include "base/json_writer.h"

namespace tidemark::serve {
namespace {

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void WriteReceipt(const query::CutReceipt& receipt, JsonWriter* json) {
  json->BeginObject().Key("snapshot_id");
  receipt.snapshot.value == 0 ? json->Null() : json->Int(receipt.snapshot.value);
  json->Key("offsets").BeginObject().Field("0", receipt.end.value).EndObject();
  json->Key("settled").BeginObject().Field("0", receipt.settled.value).EndObject();
  json->Field("log_id", receipt.log_id).EndObject();
}

void WriteAsOf(const query::PastAnswer& past, JsonWriter* json) {
  json->BeginObject();
  if (past.snapshot) {
    json->Field("snapshot_id", past.snapshot->value);
    json->Field("committed_at", FormatTime(*past.committed_at)).EndObject();
    return;
  }
  json->Field("end_offset", past.end.value).Key("removed_since").BeginArray();
  for (const query::PastAnswer::Removal& removal : past.removed_since) {
    json->BeginObject().Field("snapshot_id", removal.snapshot.value);
    json->Field("committed_at", FormatTime(removal.committed_at));
    json->Field("operation", removal.operation).EndObject();
  }
  json->EndArray().EndObject();
}

void WriteMetadata(const query::SqlAnswer& answer, Duration now, JsonWriter* json) {
  const double total = Milliseconds(now - answer.started);
  json->BeginObject().Key("sources").BeginArray();
  for (const query::Source& source : answer.sources) {
    json->BeginObject();
    json->Field("type", source.lake ? "iceberg" : "analyticsEngine").Field("rowCount", source.rows);
    json->Key("timeRange");
    if (source.times) {
      json->BeginObject().Field("start", FormatTime(source.times->min));
      json->Field("end", FormatTime(source.times->max)).EndObject();
    } else {
      json->Null();
    }
    // Both sides are one plan, so they share its time.
    json->Field("latency", total).EndObject();
  }
  json->EndArray();
  if (const engine::FileCounts files = answer.rows->files(); files.there > 0) {
    json->Key("files").BeginObject().Field("total", files.there).Field("read", files.read);
    json->EndObject();
  }
  if (answer.as_of) {
    json->Key("as_of");
    WriteAsOf(*answer.as_of, json);
  }
  json->Field("totalLatency", total);
  json->Field("mergeStrategy", answer.sources.size() > 1 ? "union-by-offset" : "none").EndObject();
}

}  // namespace

AnswerFormat::AnswerFormat(std::string_view format)
    : rows_(format == "csv"                            ? engine::RowFormat::kCsv
            : format == "arrow"                        ? engine::RowFormat::kArrow
            : format == "ndjson" || format == "chunks" ? engine::RowFormat::kNdjson
                                                       : engine::RowFormat::kJson) {}

std::string_view AnswerFormat::content_type() const {
  switch (rows_) {
    case engine::RowFormat::kCsv:
      return "text/csv; charset=utf-8";
    case engine::RowFormat::kNdjson:
      return "application/x-ndjson";
    case engine::RowFormat::kArrow:
      return "application/vnd.apache.arrow.stream";
    case engine::RowFormat::kJson:
      break;
  }
  return "application/json";
}

std::string AnswerFormat::Begin(const query::SqlAnswer& answer) const {
  std::string text;
  if (rows_ != engine::RowFormat::kJson) return text;
  text = "{\"columns\":[";
  for (const engine::ResultColumn& column : answer.rows->columns()) {
    if (text.back() == '}') text += ',';
    JsonWriter json(&text);
    json.BeginObject().Field("name", column.name).Field("type", column.type).EndObject();
  }
  return text + "],\"data\":[";
}

std::string AnswerFormat::End(const query::SqlAnswer& answer, Duration now) const {
  std::string text;
  if (rows_ != engine::RowFormat::kJson) return text;
  text = "],\"rows\":" + std::to_string(answer.rows->row_count());
  if (answer.rows->truncated()) text += ",\"truncated\":true";
  text += ",\"route\":\"" + std::string(query::RouteName(answer.route)) + "\",\"receipt\":";
  JsonWriter receipt(&text);
  WriteReceipt(answer.receipt, &receipt);
  text += ",\"metadata\":";
  JsonWriter metadata(&text);
  WriteMetadata(answer, now, &metadata);
  text += ",\"elapsed_ms\":";
  JsonWriter elapsed(&text);
  elapsed.Double(Milliseconds(now - answer.started));
  return text + "}\n";
}

std::vector<std::pair<std::string, std::string>> AnswerHeaders(const query::SqlAnswer& answer) {
  std::string receipt;
  JsonWriter json(&receipt);
  WriteReceipt(answer.receipt, &json);
  return {{"X-Tidemark-Cut", receipt},
          {"X-Tidemark-Route", std::string(query::RouteName(answer.route))}};
}

}  // namespace tidemark::serve
