#include "schema/builtins.h"

#include <array>

namespace tidemark::schema {
namespace {

// What every event has; ids need not be UUIDs.
constexpr std::string_view kBase = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Base event",
"x-tidemark-shape":"columns","type":"object",
"properties":{
 "event_id":{"type":"string"},"timestamp":{"type":"string","format":"date-time"},
 "session_id":{"type":"string"},"user_id":{"type":"string"},"project_id":{"type":"string"},
 "environment":{"type":"string"},"version":{"type":"string"}},
"required":["event_id","timestamp","session_id","project_id","environment","version"]})";

constexpr std::string_view kPageView = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Page view","type":"object",
"properties":{
 "event_type":{"const":"page_view"},
 "page_url":{"type":"string"},"page_title":{"type":"string"},"referrer":{"type":"string"},
 "utm_source":{"type":"string"},"utm_medium":{"type":"string"},"utm_campaign":{"type":"string"},
 "country":{"type":"string"},"browser":{"type":"string"},"os":{"type":"string"},
 "device_type":{"type":"string"},"time_on_page":{"type":"number"}},
"required":["event_type","page_url","page_title"]})";

constexpr std::string_view kVideoEvent = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Video event","type":"object",
"properties":{
 "event_type":{"const":"video_event"},"video_id":{"type":"string"},
 "action":{"enum":["play","pause","seek","complete","error"]},
 "position":{"type":"number"},"duration":{"type":"number"},"playback_rate":{"type":"number"},
 "quality":{"type":"string"},"buffered":{"type":"number"}},
"required":["event_type","video_id","action","position","duration","playback_rate"]})";

constexpr std::string_view kUserEvent = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema","title":"User event",
"x-tidemark-shape":"columns","type":"object",
"properties":{
 "event_id":{"type":"string","format":"uuid"},"user_id":{"type":"string","format":"uuid"},
 "session_id":{"type":"string","format":"uuid"},
 "event_type":{"type":"string","enum":["page_view","product_view","search","add_to_cart","purchase",
  "remove_from_cart","checkout_start","login","logout"]},
 "timestamp":{"type":"string","format":"date-time"},
 "device_type":{"type":"string"},"browser":{"type":"string"},"ip":{"type":"string","format":"ipv4"},
 "page_url":{"type":"string"},"product_id":{"type":"string","format":"uuid"},
 "search_query":{"type":"string"},"transaction_id":{"type":"string","format":"uuid"},
 "user_tier":{"type":"string","enum":["bronze","silver","gold","platinum","unknown"]}},
"required":["event_id","user_id","session_id","event_type","timestamp"]})";

constexpr std::string_view kTransaction = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Transaction","type":"object",
"properties":{
 "transaction_id":{"type":"string","format":"uuid"},"user_id":{"type":"string","format":"uuid"},
 "product_id":{"type":"string","format":"uuid"},"quantity":{"type":"integer","minimum":0},
 "unit_price":{"type":"number"},"total_amount":{"type":"number"},
 "discount_amount":{"type":"number"},"tax_amount":{"type":"number"},
 "status":{"type":"string"},"payment_method":{"type":"string"},"user_tier":{"type":"string"},
 "created_at":{"type":"string","format":"date-time"}},
"required":["transaction_id","user_id","total_amount"]})";

constexpr std::array<Builtin, 5> kBuiltins = {{
    {"base", kEveryType, kBase},
    {"page_view", "page_view", kPageView},
    {"video_event", "video_event", kVideoEvent},
    {"user_event",
     "page_view product_view search add_to_cart purchase remove_from_cart checkout_start login "
     "logout",
     kUserEvent},
    {"transaction", "transaction", kTransaction},
}};

}  // namespace

std::span<const Builtin> Builtins() { return kBuiltins; }

}  // namespace tidemark::schema
