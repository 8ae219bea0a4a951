#include "enrich/country.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tidemark::enrich {
namespace {

using event::Column;

// "XX" and "T1" (unknown, Tor) are no countries.
bool IsCountry(std::string_view text) {
  return text.size() == 2 && text != "XX" &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::string_view CodeIn(MMDB_entry_s* entry, const char* object) {
  MMDB_entry_data_s data;
  const std::array<const char*, 3> path = {object, "iso_code", nullptr};
  if (MMDB_aget_value(entry, &data, path.data()) != MMDB_SUCCESS || !data.has_data ||
      data.type != MMDB_DATA_TYPE_UTF8_STRING) {
    return {};
  }
  return {data.utf8_string, data.data_size};
}

}  // namespace

CountryFile::CountryFile(std::unique_ptr<MMDB_s> file) : file_(std::move(file)) {}
CountryFile::~CountryFile() { MMDB_close(file_.get()); }

Result<std::shared_ptr<const CountryFile>> CountryFile::Open(const std::string& native_path) {
  auto file = std::make_unique<MMDB_s>();
  const int opened = MMDB_open(native_path.c_str(), MMDB_MODE_MMAP, file.get());
  if (opened != MMDB_SUCCESS) {
    return Fail(Code::kInvalidArgument,
                "the GeoIP file cannot be opened: " + std::string(MMDB_strerror(opened)));
  }
  return std::shared_ptr<const CountryFile>(new CountryFile(std::move(file)));
}

std::string_view CountryFile::Find(const IpAddress& address) const {
  sockaddr_storage storage{};
  const auto& bytes = address.bytes();
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, bytes.data() + 12, sizeof v4.sin_addr);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&storage, &v6, sizeof v6);
  }
  int error = MMDB_SUCCESS;
  MMDB_lookup_result_s found =
      MMDB_lookup_sockaddr(file_.get(), reinterpret_cast<const sockaddr*>(&storage), &error);
  if (error != MMDB_SUCCESS || !found.found_entry) return {};
  const std::string_view country = CodeIn(&found.entry, "country");
  const std::string_view code =
      country.empty() ? CodeIn(&found.entry, "registered_country") : country;
  return IsCountry(code) ? code : std::string_view();
}

Country::Country(std::shared_ptr<const CountryFile> file, EnrichMetrics* metrics)
    : file_(std::move(file)), metrics_(metrics) {}

void Country::Enrich(const RequestFacts& facts, event::EventView* event) {
  if (event->Has(Column::kCountry)) return;
  if (facts.from_page && IsCountry(facts.country)) {
    event->SetText(Column::kCountry, facts.country);
    metrics_->countries_found.Add();
    return;
  }
  if (!file_) return;
  IpAddress address;
  if (event->Has(Column::kIp)) {
    const auto said = IpAddress::Parse(event->Text(Column::kIp));
    if (!said) return;
    address = *said;
  } else if (facts.from_page) {
    address = facts.address;
  }
  if (address.is_none()) return;
  const std::string_view code = file_->Find(address);
  (code.empty() ? metrics_->countries_missed : metrics_->countries_found).Add();
  if (!code.empty()) event->SetText(Column::kCountry, code);
}

}  // namespace tidemark::enrich
