// Small texts that people and clients write: receipts, tokens of users, descriptions of keys,
// configuration, pixels, user agents, paths into JSON. See targets.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// By the parser of JSON: what a column may hold.
bool IsUtf8(std::string_view text);

void RunReceipt(std::string_view bytes);
// Three lines: a JWK set, a token, the claims of a token that is signed here.
void RunJwt(std::string_view bytes);
// A JSON object; or a rate, a time of expiry, addresses.
void RunKeySpec(std::string_view bytes);
// A TOML file.
void RunConfig(std::string_view bytes);
// A request's target, a line end, a body.
void RunPixel(std::string_view bytes);
// A user agent; or the YAML of its rules.
void RunUserAgent(std::string_view bytes);
// A path, a line end, JSON.
void RunJsonPath(std::string_view bytes);

std::vector<std::string> ReceiptSeeds();
std::vector<std::string> JwtSeeds();
std::vector<std::string> KeySpecSeeds();
std::vector<std::string> ConfigSeeds();
std::vector<std::string> PixelSeeds();
std::vector<std::string> UserAgentSeeds();
std::vector<std::string> JsonPathSeeds();

}  // namespace tidemark::fuzz
