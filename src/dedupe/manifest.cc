#include "dedupe/manifest.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/hash.h"

namespace tidemark::dedupe {
namespace {

constexpr std::string_view kMagic = "TIDEIDX1";
constexpr std::uint32_t kVersion = 1;

}  // namespace

std::string EncodeManifest(const Manifest& manifest) {
  std::string bytes(kMagic);
  PutU32(&bytes, kVersion);
  PutString(&bytes, manifest.log_id);
  PutString(&bytes, manifest.secret);
  PutU64(&bytes, manifest.sequence);
  PutFixed(&bytes, manifest.clock.received_latest);
  PutFixed(&bytes, manifest.clock.micros);
  PutU64(&bytes, manifest.next_run);
  for (const auto& runs : manifest.runs) {
    PutVarint(&bytes, runs.size());
    for (const std::uint64_t run : runs) PutU64(&bytes, run);
  }
  PutU64(&bytes, Hash64(bytes));
  return bytes;
}

std::optional<Manifest> DecodeManifest(std::string_view bytes) {
  if (bytes.size() < sizeof(std::uint64_t)) return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(std::uint64_t));
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + body.size(), sizeof checksum);
  if (checksum != Hash64(body)) return std::nullopt;
  ByteReader in(body);
  std::string_view magic;
  std::string_view log_id;
  std::string_view secret;
  std::uint32_t version = 0;
  Manifest manifest;
  in.Bytes(kMagic.size(), &magic);
  in.Fixed(&version);
  if (in.failed() || magic != kMagic || version != kVersion) return std::nullopt;
  in.String(&log_id);
  in.String(&secret);
  in.Fixed(&manifest.sequence);
  in.Fixed(&manifest.clock.received_latest);
  in.Fixed(&manifest.clock.micros);
  in.Fixed(&manifest.next_run);
  for (auto& runs : manifest.runs) {
    std::uint64_t count = 0;
    in.Varint(&count);
    for (std::uint64_t run = 0; count > 0 && in.Fixed(&run); --count) runs.push_back(run);
  }
  if (in.failed() || in.remaining() != 0 || secret.size() != kSecretBytes) return std::nullopt;
  manifest.log_id = log_id;
  manifest.secret = secret;
  return manifest;
}

std::string RunName(Family family, std::uint64_t run) {
  char name[40];
  std::snprintf(name, sizeof name, "%s-%016llx.run", family == Family::kIds ? "ids" : "keys",
                static_cast<unsigned long long>(run));
  return name;
}

}  // namespace tidemark::dedupe
