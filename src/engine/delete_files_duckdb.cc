#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "duckdb/common/file_system.hpp"
#include "engine/delete_files.h"
#include "engine/deletion_vector.h"
#include "engine/instance_duckdb.h"
#include "engine/sql_quote.h"

namespace tidemark::engine {
namespace {

using Rows = std::function<void(const duckdb::DataChunk&)>;

std::string ReadParquet(const std::string& path, bool with_row_number = false) {
  return "read_parquet(" + QuotedText(path) + ", hive_partitioning = false" +
         (with_row_number ? ", file_row_number = true)" : ")");
}

// Without the folders, which a user need not know.
std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Our own statement over files of the lake.
Status Run(Instance* instance, const std::string& sql, const std::string& about,
           const Rows& visit) {
  TM_ASSIGN(const auto database, instance->impl().Current());
  const auto failed = [&](const duckdb::ErrorData& error) {
    const Error mapped = ToError(error, *database);
    if (mapped.code() == Code::kOverloaded || mapped.code() == Code::kUnavailable) return mapped;
    return Error(Code::kCorruption,
                 "file " + NameOf(about) + " of the table's deletes cannot be read");
  };
  try {
    duckdb::Connection connection(*database->db);
    const auto result = connection.SendQuery(sql);
    if (result->HasError()) return Fail(failed(result->GetErrorObject()));
    while (true) {
      auto chunk = result->Fetch();
      if (result->HasError()) return Fail(failed(result->GetErrorObject()));
      if (chunk == nullptr || chunk->size() == 0) return {};
      chunk->Flatten();
      visit(*chunk);
    }
  } catch (const duckdb::Exception& exception) {
    return Fail(failed(duckdb::ErrorData(exception)));
  } catch (const std::exception& exception) {
    return Fail(failed(duckdb::ErrorData(exception)));
  }
}

// Its manifest gives a file fewer rows than are deleted: whether a row is there is not known then.
Status Beyond(const DeletesOfFile& file) {
  return Fail(Code::kCorruption, "a row beyond the " + std::to_string(file.rows) +
                                     " that the manifest gives file " + NameOf(file.native_path) +
                                     " is deleted");
}

// All that what is deleted of a data file depends on.
std::string KeyOf(const DeletesOfFile& file) {
  std::string key;
  PutU64(&key, file.rows);
  const auto put = [&key](std::string_view text) {
    PutU64(&key, text.size());
    key += text;
  };
  put(file.native_path);
  for (const DeleteFile& one : file.deletes) {
    put(one.native_path);
    for (const std::int32_t id : one.equality_ids) PutU32(&key, static_cast<std::uint32_t>(id));
    if (!one.vector) continue;
    PutU64(&key, one.vector->offset);
    PutU64(&key, one.vector->bytes);
    PutU64(&key, one.vector->rows);
  }
  for (const std::int32_t id : file.filled) PutU32(&key, static_cast<std::uint32_t>(id));
  return key;
}

// The names that the top-level columns of a file have, by field id.
Result<std::map<std::int32_t, std::string>> NamesOf(Instance* instance, const std::string& path,
                                                    const std::string& about) {
  std::map<std::int32_t, std::string> names;
  const std::string sql = "SELECT field_id::INTEGER, name FROM parquet_schema(" + QuotedText(path) +
                          ") WHERE field_id IS NOT NULL";
  TM_TRY(Run(instance, sql, about, [&](const duckdb::DataChunk& chunk) {
    for (duckdb::idx_t i = 0; i < chunk.size(); ++i) {
      names.emplace(chunk.GetValue(0, i).GetValue<std::int32_t>(),
                    chunk.GetValue(1, i).GetValue<std::string>());
    }
  }));
  return names;
}

}  // namespace

DeleteFiles::DeleteFiles(Instance* instance, NativePathOf native_path_of)
    : instance_(instance),
      native_path_of_(std::move(native_path_of)),
      kept_(std::make_shared<const Kept>()) {}

Result<std::shared_ptr<const DeleteFiles::Places>> DeleteFiles::PlacesOf(const std::string& path,
                                                                         const Kept& kept,
                                                                         Kept* fresh) {
  for (const Kept* known : {&kept, static_cast<const Kept*>(fresh)}) {
    const auto found = known->places.find(path);
    if (found != known->places.end()) return found->second;
  }
  auto places = std::make_shared<Places>();
  std::uint64_t bytes = 0;
  // Writers spell a local path with its scheme, or without.
  const std::string sql =
      "SELECT " +
      std::string(native_path_of_ ? "file_path" : "regexp_replace(file_path, '^file:(//)?', '')") +
      ", pos::BIGINT FROM " + ReadParquet(path);
  std::string spelled;  // As the row before has it.
  std::string native;
  TM_TRY(Run(instance_, sql, path, [&](const duckdb::DataChunk& chunk) {
    for (duckdb::idx_t i = 0; i < chunk.size(); ++i) {
      const duckdb::Value file = chunk.GetValue(0, i);
      const duckdb::Value place = chunk.GetValue(1, i);
      if (file.IsNull() || place.IsNull()) continue;
      if (duckdb::StringValue::Get(file) != spelled) {
        spelled = duckdb::StringValue::Get(file);
        native = native_path_of_ ? native_path_of_(spelled) : spelled;
      }
      auto& list = (*places)[native];
      list.push_back(place.GetValue<std::int64_t>());
      bytes += sizeof(std::int64_t);
    }
  }));
  std::shared_ptr<const Places> made = std::move(places);
  fresh->places[path] = made;
  fresh->bytes += bytes + path.size();
  return made;
}

// NULL is equal to NULL here; a column that the data file lacks is NULL.
Status DeleteFiles::AddEqualities(const DeletesOfFile& of, const DeleteFile& file,
                                  DeletedRows* rows) {
  const std::string& native_path = of.native_path;
  TM_ASSIGN(const auto data, NamesOf(instance_, native_path, native_path));
  TM_ASSIGN(const auto deletes, NamesOf(instance_, file.native_path, file.native_path));
  std::string equal;
  for (const std::int32_t id : file.equality_ids) {
    const auto there = deletes.find(id);
    if (there == deletes.end()) {
      return Fail(Code::kCorruption, "delete file " + file.native_path + " lacks column " +
                                         std::to_string(id) + ", which it deletes by");
    }
    const auto here = data.find(id);
    const bool filled = std::find(of.filled.begin(), of.filled.end(), id) != of.filled.end();
    if (here == data.end() && (data.empty() || filled)) {
      return Fail(Code::kUnimplemented,
                  "equality deletes by column " + std::to_string(id) + " of file " +
                      NameOf(native_path) +
                      " are not read: the file has no column of that id, "
                      "and its rows have a value; rewrite the table's files with another engine");
    }
    if (!equal.empty()) equal += " AND ";
    equal += (here == data.end() ? std::string("NULL") : "d." + QuotedName(here->second)) +
             " IS NOT DISTINCT FROM e." + QuotedName(there->second);
  }
  const std::string sql = "SELECT d.file_row_number FROM " + ReadParquet(native_path, true) +
                          " d WHERE EXISTS (SELECT 1 FROM " + ReadParquet(file.native_path) +
                          " e WHERE " + equal + ")";
  bool all_there = true;
  TM_TRY(Run(instance_, sql, file.native_path, [&](const duckdb::DataChunk& chunk) {
    for (duckdb::idx_t i = 0; i < chunk.size(); ++i) {
      all_there &= rows->Add(chunk.GetValue(0, i).GetValue<std::int64_t>());
    }
  }));
  return all_there ? Status() : Beyond(of);
}

// One read of the blob's bytes, by the engine's own way to files.
Status DeleteFiles::AddVectorOf(const DeleteFile& file, DeletedRows* rows) {
  const VectorPlace& place = *file.vector;
  const auto failed = [&](std::string_view why) {
    return Fail(Code::kCorruption,
                "file " + NameOf(file.native_path) +
                    " of the table's deletes cannot be read: " + std::string(why));
  };
  if (place.bytes > kVectorBytesMax) return failed("its deletion vector is too large");
  TM_ASSIGN(const auto database, instance_->impl().Current());
  std::string blob(place.bytes, '\0');
  try {
    const auto handle = database->db->GetFileSystem().OpenFile(file.native_path,
                                                               duckdb::FileFlags::FILE_FLAGS_READ);
    const auto size = static_cast<std::uint64_t>(handle->GetFileSize());
    if (place.offset > size || place.bytes > size - place.offset) {
      return failed("it is shorter than its manifest says");
    }
    handle->Read(blob.data(), place.bytes, place.offset);
  } catch (const std::exception&) {
    return failed("it is not there");
  }
  const Status added = AddVector(blob, place.rows, rows);
  if (!added) return failed(added.error().message());
  return {};
}

Result<std::shared_ptr<const DeletedRows>> DeleteFiles::OfOne(const DeletesOfFile& file,
                                                              const Kept& kept, Kept* fresh) {
  std::string all = KeyOf(file);
  if (const auto found = kept.deleted.find(all); found != kept.deleted.end()) return found->second;
  if (!file.deletes.empty() && file.rows > kRowsWithDeletesMax) {
    return Fail(Code::kCorruption, "file " + NameOf(file.native_path) +
                                       " has more rows than a file with deletes may have");
  }
  const std::uint64_t rows = file.deletes.empty() ? 0 : file.rows;
  if (fresh->bytes + rows / 8 > kDeletedRowsBytesMax) {
    return Fail(Code::kUnimplemented, "deletes from files of more rows than " +
                                          std::to_string(kDeletedRowsBytesMax >> 20) +
                                          " MiB have bits for are not read");
  }
  auto deleted = std::make_shared<DeletedRows>(rows);
  for (const DeleteFile& one : file.deletes) {
    if (one.vector) {
      TM_TRY(AddVectorOf(one, deleted.get()));
      continue;
    }
    if (!one.equality_ids.empty()) {
      TM_TRY(AddEqualities(file, one, deleted.get()));
      continue;
    }
    TM_ASSIGN(const auto places, PlacesOf(one.native_path, kept, fresh));
    const auto found = places->find(file.native_path);
    if (found == places->end()) continue;
    for (const std::int64_t place : found->second) {
      if (!deleted->Add(place)) return Fail(Beyond(file).error());
    }
  }
  // A delete file of a whole partition may have nothing to say of this file.
  std::shared_ptr<const DeletedRows> made;
  if (deleted->count() > 0) made = std::move(deleted);
  fresh->bytes += (made ? made->bytes() : 0) + all.size();
  fresh->deleted[std::move(all)] = made;
  return made;
}

Result<std::vector<std::shared_ptr<const DeletedRows>>> DeleteFiles::Of(
    const std::vector<DeletesOfFile>& files) {
  const auto kept = kept_.Load();
  Kept fresh;
  std::vector<std::shared_ptr<const DeletedRows>> all;
  for (const DeletesOfFile& file : files) {
    TM_ASSIGN(all.emplace_back(), OfOne(file, *kept, &fresh));
  }
  if (fresh.bytes == 0) return all;
  kept_.Update([&](const Kept& current) {
    auto next = std::make_shared<Kept>();
    if (current.bytes < kDeletesBytesMax) *next = current;
    next->bytes += fresh.bytes;
    for (auto& [path, places] : fresh.places) next->places[path] = places;
    for (auto& [key, deleted] : fresh.deleted) next->deleted[key] = deleted;
    return std::shared_ptr<const Kept>(std::move(next));
  });
  return all;
}

}  // namespace tidemark::engine
