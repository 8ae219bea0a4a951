#include "event/json_names.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tidemark::event {
namespace {

constexpr FieldName Of(std::string_view name, Column column, std::uint8_t rank) {
  return {name, FieldRole::kColumn, column, rank};
}

constexpr std::array kFields = {
    Of("event_id", Column::kEventId, 0),
    Of("eventId", Column::kEventId, 1),
    FieldName{"id", FieldRole::kCloudId, Column::kEventId, 2},
    Of("event_type", Column::kEventType, 0),
    Of("eventType", Column::kEventType, 1),
    Of("type", Column::kEventType, 2),
    Of("event", Column::kEventType, 3),
    Of("user_id", Column::kUserId, 0),
    Of("userId", Column::kUserId, 1),
    Of("anonymous_id", Column::kAnonymousId, 0),
    Of("anonymousId", Column::kAnonymousId, 1),
    Of("session_id", Column::kSessionId, 0),
    Of("sessionId", Column::kSessionId, 1),
    Of("timestamp", Column::kTimestamp, 0),
    Of("time", Column::kTimestamp, 1),
    Of("event_time", Column::kTimestamp, 2),
    Of("eventTime", Column::kTimestamp, 3),
    Of("project_id", Column::kProjectId, 0),
    Of("projectId", Column::kProjectId, 1),
    Of("environment", Column::kEnvironment, 0),
    Of("version", Column::kVersion, 0),
    Of("source", Column::kSource, 0),
    Of("page_url", Column::kPageUrl, 0),
    Of("pageUrl", Column::kPageUrl, 1),
    Of("url", Column::kPageUrl, 2),
    Of("page_title", Column::kPageTitle, 0),
    Of("pageTitle", Column::kPageTitle, 1),
    Of("referrer", Column::kReferrer, 0),
    Of("utm_source", Column::kUtmSource, 0),
    Of("utmSource", Column::kUtmSource, 1),
    Of("utm_medium", Column::kUtmMedium, 0),
    Of("utmMedium", Column::kUtmMedium, 1),
    Of("utm_campaign", Column::kUtmCampaign, 0),
    Of("utmCampaign", Column::kUtmCampaign, 1),
    Of("country", Column::kCountry, 0),
    Of("device_type", Column::kDeviceType, 0),
    Of("deviceType", Column::kDeviceType, 1),
    Of("browser", Column::kBrowser, 0),
    Of("os", Column::kOs, 0),
    Of("ip", Column::kIp, 0),
    Of("ip_address", Column::kIp, 1),
    Of("ipAddress", Column::kIp, 2),
    Of("user_agent", Column::kUserAgent, 0),
    Of("userAgent", Column::kUserAgent, 1),
    Of("product_id", Column::kProductId, 0),
    Of("productId", Column::kProductId, 1),
    Of("search_query", Column::kSearchQuery, 0),
    Of("searchQuery", Column::kSearchQuery, 1),
    Of("transaction_id", Column::kTransactionId, 0),
    Of("transactionId", Column::kTransactionId, 1),
    Of("user_tier", Column::kUserTier, 0),
    Of("userTier", Column::kUserTier, 1),
    Of("value", Column::kValue, 0),
    Of("properties", Column::kProperties, 0),
    FieldName{"context", FieldRole::kContext, Column::kIp, 0},
    FieldName{"data", FieldRole::kCloudData, Column::kProperties, 0},
    FieldName{"specversion", FieldRole::kCloudVersion, Column::kVersion, 0},
};

constexpr std::array kContextFields = {
    Of("ip", Column::kIp, 3),
    Of("ip_address", Column::kIp, 4),
    Of("ipAddress", Column::kIp, 5),
    Of("user_agent", Column::kUserAgent, 3),
    Of("userAgent", Column::kUserAgent, 2),
};

constexpr FieldName kNoField{};
constexpr std::size_t kSlots = 256;
constexpr std::size_t kNameBytesMax = 16;

// A name of 1 to 16 bytes as two words, filled up with zeros.
struct NameWords {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend constexpr bool operator==(const NameWords&, const NameWords&) = default;
};

constexpr NameWords WordsOf(std::string_view name) {
  NameWords words;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::uint64_t byte = static_cast<unsigned char>(name[i]);
    (i < 8 ? words.low : words.high) |= byte << (8 * (i % 8));
  }
  return words;
}

// The same without a branch for each size: 16 bytes are read.
NameWords LoadWords(std::string_view name) {
  NameWords words;
  std::memcpy(&words.low, name.data(), 8);
  std::memcpy(&words.high, name.data() + 8, 8);
  const std::size_t bits = name.size() * 8;
  words.low &= bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
  words.high &= bits >= 128 ? ~0ULL : bits <= 64 ? 0 : (1ULL << (bits - 64)) - 1;
  return words;
}

constexpr std::size_t SlotOf(const NameWords& words, std::size_t size) {
  const std::uint64_t mixed =
      (words.low ^ words.high * 0xC2B2AE3D27D4EB4FULL ^ size << 56) * 0x9E3779B97F4A7C15ULL;
  return mixed >> 56;
}

struct Slots {
  std::array<std::uint8_t, kSlots> field{};  // Index in kFields + 1; 0 is free. Linear probing.
  std::array<NameWords, kFields.size()> words{};

  constexpr Slots() {
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      words[i] = WordsOf(kFields[i].name);
      std::size_t slot = SlotOf(words[i], kFields[i].name.size());
      while (field[slot] != 0) slot = (slot + 1) % kSlots;
      field[slot] = static_cast<std::uint8_t>(i + 1);
    }
  }
};
constexpr Slots kSlotTable;

constexpr bool NamesFit() {
  return std::all_of(kFields.begin(), kFields.end(), [](const FieldName& field) {
    return !field.name.empty() && field.name.size() <= kNameBytesMax;
  });
}
static_assert(NamesFit());

}  // namespace

const FieldName& FindField(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return kNoField;
  const NameWords words = LoadWords(name);
  for (std::size_t slot = SlotOf(words, name.size()); kSlotTable.field[slot] != 0;
       slot = (slot + 1) % kSlots) {
    const std::size_t index = kSlotTable.field[slot] - 1U;
    if (kSlotTable.words[index] == words && kFields[index].name.size() == name.size()) {
      return kFields[index];
    }
  }
  return kNoField;
}

std::span<const FieldName> Fields() { return kFields; }

const FieldName& FindContextField(std::string_view name) {
  for (const FieldName& field : kContextFields) {
    if (field.name == name) return field;
  }
  return kNoField;
}

}  // namespace tidemark::event
