#pragma once
// Reading the messages that an ASGI app sends: dicts whose keys and types the specification names.
// What is wrong with one becomes an exception in the app that says what was expected.

#include <Python.h>

#include <string_view>
#include <vector>

#include "http/response_head.h"
#include "python/asgi_host.h"
#include "python/ref.h"

namespace mew::python {

// The value of `key`, borrowed; null without an exception: there is none. False: an exception is
// set.
bool find_in(PyObject* message, PyObject* key, PyObject*& value);
// What kind of message it is, borrowed; null with an exception set.
PyObject* type_of(PyObject* message, const AsgiNames& names);
// Is the text `wanted`? By identity first: most apps' literals are interned.
bool is_text(PyObject* text, const PyRef& wanted);

// A bytes-like value, held as long as this lives.
class BytesView {
public:
    BytesView() = default;
    BytesView(const BytesView&) = delete;
    BytesView& operator=(const BytesView&) = delete;
    BytesView(BytesView&&) = delete;
    BytesView& operator=(BytesView&&) = delete;
    ~BytesView() {
        if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
    }
    // `what` names it in the error. False with an exception set.
    bool take(PyObject* value, const char* what);
    std::string_view text() const { return text_; }

private:
    Py_buffer buffer_{};
    std::string_view text_;
};

// Truth of an optional value; false with an exception set.
bool read_flag(PyObject* message, const PyRef& key, bool& flag);

// Status and headers of the message that begins an answer, checked. False with an exception set.
bool read_head(PyObject* message, const AsgiNames& names, http::ResponseHead& head,
               std::vector<PyRef>& keep);
// The headers of a message into `head`, whose views point into what `keep` holds. False with an
// exception set.
bool read_headers(PyObject* message, const PyRef& key, http::ResponseHead& head,
                  std::vector<PyRef>& keep);

}  // namespace mew::python
