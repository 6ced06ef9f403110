#include "python/text.h"

namespace mew::python {

PyRef latin1(std::string_view text) {
    return PyRef::steal(
        PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

PyRef interned(const char* text) { return PyRef::steal(PyUnicode_InternFromString(text)); }

bool to_utf8(PyObject* object, std::string& out) {
    const PyRef bytes =
        PyUnicode_Check(object)
            ? PyRef::steal(PyUnicode_AsEncodedString(object, "utf-8", "backslashreplace"))
            : PyRef::borrow(object);
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) return false;
    out.assign(data, static_cast<std::size_t>(size));
    return true;
}

PyObject* from_os(std::string_view bytes) {
    return PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}

}  // namespace mew::python
