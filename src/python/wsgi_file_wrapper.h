#pragma once
// wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"): an iterable around a
// file-like object, from where it stands to its end or the answer's Content-Length. Where reading
// it gives the bytes of a regular file as they lie there, the answer goes out by sendfile(2). Made
// by apps, sent by the bridge, in workers.

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
    // What sendfile needs; nothing if reading the object may give anything but a file's bytes. A
    // descriptor alone proves nothing: that of a gzip file is that of the compressed one.
    static std::optional<RegularFile> regular_file(PyObject* wrapper);
    // Iterating gives no more than so many bytes.
    static void limit(PyObject* wrapper, std::uint64_t bytes);

private:
    PyRef type_;
};

}  // namespace mew::python
