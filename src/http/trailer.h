#pragma once
// Fields behind a body (RFC 9110 6.5). None of them reaches an app (http-rules 20).
#include "http/field_name.h"

namespace mew::http {

// Framing, routing, authentication: such a field after the body could change what it meant
// (RFC 9110 6.5.1).
bool is_forbidden_trailer(FieldName name);

}  // namespace mew::http
