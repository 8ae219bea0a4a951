// A store of immutable objects: a directory (env/local_store.h) or, later, an S3 bucket.
//
// Keys are relative, with '/'. An object is there after Put returns, whole, after any crash.
// Errors: kIoError (did not happen), kUnavailable (retry), kOutcomeUnknown (it may be there: look),
// kNotFound. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark::env {

class ObjectStore {
 public:
  ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;
  virtual ~ObjectStore() = default;

  // Durable when it returns. A key is written once: kAlreadyExists otherwise.
  virtual Status Put(std::string_view key, std::string_view bytes) = 0;
  virtual Result<std::string> Get(std::string_view key, std::uint64_t bytes_max) const = 0;
  virtual Result<bool> Exists(std::string_view key) const = 0;
  // Gone for good when it returns, also with kNotFound: no crash brings it back.
  virtual Status Remove(std::string_view key) = 0;
  // Keys that begin with `prefix`, which ends with '/', in all folders below, sorted.
  virtual Result<std::vector<std::string>> List(std::string_view prefix) const = 0;
  // What is directly below `prefix`, which is empty or ends with '/': each name once, sorted; in a
  // directory also folders that have no object. By List, where a store has no shorter way.
  virtual Result<std::vector<std::string>> Names(std::string_view prefix) const;

  // Large objects are made by code that writes a file itself (the engine): it writes to the native
  // path that Stage gives, then Seal makes the object durable under `key`. Until Seal returns the
  // object may vanish or be torn by a crash.
  virtual Result<std::string> Stage(std::string_view key) = 0;
  virtual Status Seal(std::string_view key) = 0;

  // The absolute URI of a key, with scheme: what Iceberg metadata names it by.
  virtual std::string Uri(std::string_view key) const = 0;
  // The key of such a URI; kInvalidArgument if it lies outside this store.
  virtual Result<std::string> KeyOf(std::string_view uri) const = 0;
  // What the engine opens to read the object.
  virtual std::string NativePath(std::string_view key) const = 0;
};

}  // namespace tidemark::env
