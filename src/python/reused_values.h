#pragma once
// Values that bridges use again from request to request instead of making them anew, and which of
// them must not be kept.

#include <Python.h>

#include <array>
#include <string_view>

#include "http/field_name.h"
#include "python/ref.h"

namespace mew::python {

inline constexpr std::array<std::string_view, 8> kMethodTexts = {
    "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"};
// Values up to this size are worth comparing with the last one.
inline constexpr std::size_t kLongestCached = 256;

// A value that may be a secret is not kept beyond its request.
inline bool is_cacheable(http::FieldName id, std::string_view value) {
    return value.size() <= kLongestCached && id != http::FieldName::cookie &&
           id != http::FieldName::authorization && id != http::FieldName::proxy_authorization;
}

// False with an exception set; also if the key or the value could not be made.
inline bool set(PyObject* dict, const PyRef& key, const PyRef& value) {
    return key && value && PyDict_SetItem(dict, key.get(), value.get()) == 0;
}

}  // namespace mew::python
