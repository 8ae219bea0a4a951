// A CloudEvent in HTTP's binary mode: attributes in `ce-*` headers, the body is its data. Format:
// CloudEvents 1.0, "HTTP Protocol Binding", section 3.1. Pure; any thread.
#pragma once

#include "base/result.h"
#include "net/http.h"

namespace tidemark::collect {

// Told by `ce-specversion`.
bool IsBinaryCloudEvent(const net::Request& request);

// Replaces the body by the same event in structured mode, which the event parser reads. JSON data
// stay JSON, other text becomes a string, and what is no text `data_base64`. kInvalidArgument: data
// that call themselves JSON and are none, and a header that is no text.
Status AssembleCloudEvent(net::Request* request);

}  // namespace tidemark::collect
