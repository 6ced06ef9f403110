#include "python/asgi_message.h"

#include "python/compat.h"

namespace mew::python {
namespace {

bool bytes_view(PyObject* object, std::string_view& view) {
    if (!PyBytes_Check(object)) return false;
    view = {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
    return true;
}

// A pair as the specification has it: two bytes objects in an iterable.
bool read_header(PyObject* header, http::ResponseHead& head, std::vector<PyRef>& keep) {
    PyRef pair = PyTuple_Check(header) || PyList_Check(header)
                     ? PyRef::borrow(header)
                     : PyRef::steal(PySequence_Tuple(header));
    if (!pair) return false;
    http::Header entry;
    if (PySequence_Fast_GET_SIZE(pair.get()) != 2) {
        PyErr_Format(PyExc_ValueError, "a header must be a pair (name, value), not %.200R", header);
        return false;
    }
    PyObject* const name = PySequence_Fast_GET_ITEM(pair.get(), 0);
    PyObject* const value = PySequence_Fast_GET_ITEM(pair.get(), 1);
    if (!bytes_view(name, entry.name) || !bytes_view(value, entry.value)) {
        PyErr_Format(PyExc_TypeError, "a header's name and value must be bytes, not %.200R",
                     header);
        return false;
    }
    // A list could change while the head is kept.
    keep.push_back(PyRef::borrow(name));
    keep.push_back(PyRef::borrow(value));
    head.headers.push_back(entry);
    return true;
}

}  // namespace

bool find_in(PyObject* message, PyObject* key, PyObject*& value) {
    if (!PyDict_Check(message)) {
        PyErr_Format(PyExc_TypeError, "an ASGI message must be a dict, not %.100s",
                     Py_TYPE(message)->tp_name);
        return false;
    }
    value = PyDict_GetItemWithError(message, key);
    return value != nullptr || PyErr_Occurred() == nullptr;
}

PyObject* type_of(PyObject* message, const AsgiNames& names) {
    PyObject* type = nullptr;
    if (!find_in(message, names.type.get(), type)) return nullptr;
    if (type == nullptr) PyErr_SetString(PyExc_ValueError, "an ASGI message needs a \"type\"");
    return type;
}

bool is_text(PyObject* text, const PyRef& wanted) {
    if (text == wanted.get()) return true;
    return PyUnicode_Check(text) && PyUnicode_Compare(text, wanted.get()) == 0;
}

bool BytesView::take(PyObject* value, const char* what) {
    if (bytes_view(value, text_)) return true;
    if (PyUnicode_Check(value) || PyObject_CheckBuffer(value) == 0) {
        PyErr_Format(PyExc_TypeError, "%s must be bytes, not %.100s%s", what,
                     Py_TYPE(value)->tp_name,
                     PyUnicode_Check(value) ? "; encode it: text.encode()" : "");
        return false;
    }
    if (PyObject_GetBuffer(value, &buffer_, PyBUF_SIMPLE) != 0) return false;
    text_ = {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    return true;
}

bool read_flag(PyObject* message, const PyRef& key, bool& flag) {
    PyObject* value = nullptr;
    if (!find_in(message, key.get(), value)) return false;
    if (value == nullptr) return true;
    const int truth = PyObject_IsTrue(value);
    flag = truth == 1;
    return truth >= 0;
}

bool read_headers(PyObject* message, const PyRef& key, http::ResponseHead& head,
                  std::vector<PyRef>& keep) {
    PyObject* value = nullptr;
    if (!find_in(message, key.get(), value)) return false;
    if (value == nullptr) return true;
    const PyRef list = PyRef::steal(
        PySequence_Fast(value, "the headers of a message must be an iterable of pairs"));
    if (!list) return false;
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(list.get());
    head.headers.reserve(static_cast<std::size_t>(count));
    keep.reserve(keep.size() + 2 * static_cast<std::size_t>(count));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
        const PyRef header = PyRef::borrow(PySequence_Fast_GET_ITEM(list.get(), i));
        if (!read_header(header.get(), head, keep)) return false;
    }
    return true;
}

bool read_head(PyObject* message, const AsgiNames& names, http::ResponseHead& head,
               std::vector<PyRef>& keep) {
    PyObject* status = nullptr;
    if (!find_in(message, names.status.get(), status)) return false;
    if (status == nullptr || PyLong_Check(status) == 0) {
        PyErr_SetString(PyExc_TypeError, "the start of an answer needs a status, an int");
        return false;
    }
    head.clear();
    keep.clear();
    head.status = static_cast<int>(PyLong_AsLong(status));
    if (PyErr_Occurred() != nullptr || !read_headers(message, names.headers, head, keep))
        return false;
    const auto checked = head.check();
    if (!checked) PyErr_SetString(PyExc_ValueError, checked.error().text.c_str());
    return checked.has_value();
}

}  // namespace mew::python
