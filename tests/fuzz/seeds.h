// Good inputs of every target, made by our own writers, the same each time.
#pragma once

#include <string>
#include <vector>

namespace tidemark::fuzz {

std::vector<std::string> HttpSeeds();
std::vector<std::string> BodySeeds();
std::vector<std::string> JsonSeeds();
std::vector<std::string> BatchSeeds();
std::vector<std::string> PromotedSeeds();
std::vector<std::string> WalSeeds();
std::vector<std::string> AvroSeeds();
std::vector<std::string> PuffinSeeds();  // And a deletion vector alone.
std::vector<std::string> MetadataSeeds();
std::vector<std::string> CommitSeeds();  // To the table of the first of those.
std::vector<std::string> SchemaSeeds();

}  // namespace tidemark::fuzz
