#include "iceberg/problem.h"

#include "base/json_writer.h"
#include "base/utf8.h"

namespace tidemark::iceberg {
namespace {

// The exception of the reference implementation that stands for a code.
std::string_view TypeOf(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "BadRequestException";
    case Code::kNotFound:
      return "NotFoundException";
    case Code::kAlreadyExists:
      return "AlreadyExistsException";
    case Code::kConflict:
      return "CommitFailedException";
    case Code::kPermissionDenied:
      return "ForbiddenException";
    case Code::kOutcomeUnknown:
      return "CommitStateUnknownException";
    case Code::kUnavailable:
    case Code::kOverloaded:
      return "ServiceUnavailableException";
    default:
      return "ServiceFailureException";
  }
}

}  // namespace

Problem::Problem(const Error& error)
    : status(HttpStatus(error.code())), type(TypeOf(error.code())), message(error.message()) {}

std::string ProblemJson(const Problem& problem) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("error").BeginObject();
  json.Field("message", ToUtf8(problem.message))
      .Field("type", problem.type)
      .Field("code", problem.status);
  json.EndObject().EndObject();
  return body;
}

tl::unexpected<Problem> Refuse(int status, std::string_view name, std::string message) {
  return tl::unexpected<Problem>(Problem(status, name, std::move(message)));
}
tl::unexpected<Problem> BadRequest(std::string message) {
  return Refuse(400, "BadRequestException", std::move(message));
}
tl::unexpected<Problem> NotValid(std::string message) {
  return Refuse(400, "ValidationException", std::move(message));
}
tl::unexpected<Problem> CommitFailed(std::string message) {
  return Refuse(409, "CommitFailedException", std::move(message));
}
tl::unexpected<Problem> Forbidden(std::string message) {
  return Refuse(403, "ForbiddenException", std::move(message));
}

}  // namespace tidemark::iceberg
