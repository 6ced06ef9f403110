#pragma once
// wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"): an iterable around a
// file-like object; where that is a regular file, the answer goes out by sendfile(2).

#include <Python.h>

#include <cstdint>
#include <optional>

#include "python/ref.h"

namespace mew::python {

class FileWrapperType {
public:
    bool prepare();
    PyObject* type() const { return type_.get(); }
    bool is_wrapper(PyObject* object) const {
        return Py_TYPE(object) == reinterpret_cast<PyTypeObject*>(type_.get());
    }

    struct RegularFile {
        int fd;
        std::uint64_t offset;
        std::uint64_t size;  // from offset to the end
    };
    // What sendfile needs; nothing if the object is no regular file (an exception of its own
    // fileno() or tell() only means that).
    static std::optional<RegularFile> regular_file(PyObject* wrapper);

private:
    PyRef type_;
};

}  // namespace mew::python
