#include "query/system_columns.h"

#include <cstddef>

#include "event/type_name.h"
#include "query/plain_columns.h"

namespace tidemark::query {

std::vector<ColumnFacts> ColumnFactsOf(const event::TableSchema& columns) {
  std::vector<ColumnFacts> facts;
  for (const event::TableColumn& column : columns.columns) {
    const std::string iceberg(event::TypeName(column.type));
    facts.push_back({.name = column.name,
                     .type = PrimitiveOf(iceberg).value(),
                     .iceberg_type = iceberg,
                     .nullable = !column.required,
                     .field_id = column.field_id});
  }
  return facts;
}

std::vector<ColumnFacts> ColumnFactsOf(const lake::TableMetadata& plain) {
  std::vector<ColumnFacts> facts;
  const lake::Schema* schema = plain.FindSchema(plain.current_schema_id);
  if (schema == nullptr) return facts;
  const auto read = ColumnsOf(*schema, plain.Property(kPropertyNameMapping));
  for (std::size_t i = 0; i < schema->fields.size(); ++i) {
    const lake::SchemaField& field = schema->fields[i];
    ColumnFacts& one = facts.emplace_back();
    one.name = read ? (*read)[i].name : field.name;
    if (read) one.type = (*read)[i].type;
    one.iceberg_type = field.type;
    one.nullable = !field.required;
    one.field_id = field.id;
  }
  return facts;
}

}  // namespace tidemark::query
