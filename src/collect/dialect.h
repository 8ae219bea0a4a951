// A dialect: how one family of clients sends events, in one small file behind this interface.
//
// The doors (doors.h) do what all have in common: the key, the body out of its compression and
// form, limits, the batch, the sink, counting, the receipt. A dialect says at which paths it is
// spoken, where else a key may stand, how its body becomes the native one (event/json_events.h),
// and what its clients take for an answer. To add one: a file under dialects/, a line in
// dialects/all.h and all.cc, a row in docs/reference/clients.md, seeds in tests/fuzz.
//
// Dialects have no state: every method is pure and for any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "event/batch_answer.h"
#include "event/json_events.h"
#include "event/json_tokens.h"
#include "net/http.h"

namespace tidemark::collect {

// A method and path at which a dialect is spoken.
struct Claim {
  net::Method method = net::Method::kPost;
  std::string_view path;  // As net::Router::Add takes it.
  std::uint8_t what = 0;  // For the dialect itself: which of its doors it is.
  bool is_reply = false;  // No events come in here: Reply answers, without asking for a key.
  bool only_pinned =
      false;  // Others speak there too: only for keys that are pinned to the dialect.
};

// What became of a request, as far as its answer tells.
struct Reception {
  const event::ParsedEvents& parsed;
  const event::BatchAnswer* answer;  // nullptr: the client did not wait for it.
};

class Dialect {
 public:
  // What Translate may use besides the request.
  struct Tools {
    TimeMicros received_at;
    event::JsonIndexer& indexer;
    // Takes the body as it was sent, out of its compression and form, when Translate has rewritten
    // it; stays empty if there was none. nullptr: nobody wants it.
    std::string* original = nullptr;
  };
  // How a body says something of all its events at once: members beside the list of them.
  struct Envelope {
    std::string_view list;                         // "batch"
    std::span<const std::string_view> names = {};  // "sentAt", "context"
  };

  Dialect() = default;
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;
  virtual ~Dialect() = default;

  // One word: "segment". What a key's `dialect` names.
  virtual std::string_view name() const = 0;
  virtual std::span<const Claim> claims() const = 0;
  // What helps whose body holds no event: how its clients write one.
  virtual std::string_view EventHint() const = 0;

  // The rules that events of the claim are held to.
  virtual event::JsonRules RulesOf(const Claim& /*claim*/) const { return event::JsonRules::kOpen; }
  // The body is data of any kind, and must not be looked at for a form or base64 text.
  virtual bool IsOpaque(const net::Request& /*request*/) const { return false; }
  // The query parameters that its paths know: what is one slip from one of these is refused. Empty:
  // whatever its clients add to the path is their own matter.
  virtual std::span<const std::string_view> Parameters() const { return {}; }
  // Its clients may put their key into the query or the body: only then these are looked at.
  virtual bool HasKeyInBody() const { return false; }
  // That key, or nothing; asked only if no header has one. The body is as Translate sees it.
  virtual std::string KeyIn(const net::Request& /*request*/,
                            event::JsonIndexer& /*indexer*/) const {
    return {};
  }
  // The member that holds the list of events in a body that Translate rewrites; empty if it leaves
  // their texts as they were sent.
  virtual std::string_view ListName() const { return {}; }
  // An invalid event is kept with what its envelope said of it. Empty: there are none.
  virtual Envelope EnvelopeOf() const { return {}; }
  // Replaces the body, which is out of its compression and form, by the same events as native JSON,
  // in the same order: event i of the body is event i afterwards, also if it is none (the parser
  // refuses it then). kInvalidArgument: nothing in it can be read; the message says why.
  virtual Status Translate(const Claim& claim, const Tools& tools, net::Request* request) const = 0;
  // The answer to a request of which something was accepted, or kept in quarantine, and is durable.
  virtual net::Response Accepted(const Claim& claim, const Reception& reception) const = 0;
  // The answer instead of an error, if clients want another than `{"error","message","hint"}`.
  virtual net::Response Refused(const Claim& /*claim*/, net::Response error) const { return error; }
  // For claims with is_reply.
  virtual net::Response Reply(const Claim& /*claim*/, const net::Request& /*request*/) const {
    return net::ErrorResponse(404, "there is nothing here");
  }

 protected:
  // The end of a Translate that has rewritten a body that was sent.
  static void Rewrite(std::string native, const Tools& tools, net::Request* request) {
    native.reserve(native.size() + net::kBodyPadding);
    std::string sent = std::exchange(request->body, std::move(native));
    if (tools.original != nullptr) *tools.original = std::move(sent);
  }
  // What a body is rewritten to at most. An envelope stands once in a body and once in each of its
  // events then, so that a small body can become a large one.
  static constexpr std::size_t kNativeBytesMax = 128U << 20;
  static Error TooLarge() {
    return {Code::kInvalidArgument,
            "the events of the body are too large together with what its envelope says of each; "
            "send fewer of them at once"};
  }
};

}  // namespace tidemark::collect
