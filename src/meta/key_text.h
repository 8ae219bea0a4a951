// Keys as text: what people write when they make one, and what they are shown. One form for HTTP,
// the command line and the table. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/result.h"
#include "base/time.h"
#include "meta/keys.h"

namespace tidemark::meta {

// Words between blanks and commas.
std::vector<std::string> SplitWords(std::string_view text);
std::string JoinWords(std::span<const std::string> words);  // With one blank.

// "https://shop.example", "https://*.shop.example" (any name below it, not itself), with a port if
// it is not the usual one. Lower case.
bool IsOriginPattern(std::string_view text);
bool MatchesOrigin(std::string_view pattern, std::string_view origin);

// kInvalidArgument names the one that is no range.
Result<std::vector<IpRange>> ReadAddresses(std::string_view text);
std::string AddressesText(std::span<const IpRange> addresses);

// A time ("2027-01-01", "2027-01-01T12:00:00Z") or a span from now ("90d", "12h").
Result<TimeMicros> ReadExpiry(std::string_view text, TimeMicros now);

// `{"name","project","scopes":["ingest"],"grants":[..],"dialect","origins":[..],"addresses":[..],
// "limits":{"requests":"1000 a minute","events":..,"bytes":..},"expires":"90d"}`; lists may be one
// text with blanks. Unknown members are refused, so that a slip of a name does not make a key that
// may more. Not checked otherwise: see KeySpec::Check. kInvalidArgument.
Result<KeySpec> ReadKeySpec(const JsonValue& body, TimeMicros now);

// The members of a key, without its secret, into an object that is open. Names never change.
void AppendKey(JsonWriter* json, const ApiKey& key, TimeMicros now);
// `{"key":"tm_..","id":..}`: with the secret.
std::string MadeKeyJson(const Keys::Made& made, TimeMicros now);
// The same without it.
std::string KeyJson(const ApiKey& key, TimeMicros now);
// `{"keys":[{..}]}`.
std::string KeyListJson(std::span<const std::shared_ptr<const ApiKey>> keys, TimeMicros now);

}  // namespace tidemark::meta
