#include "python/wsgi_file_wrapper.h"

#include <sys/stat.h>

namespace mew::python {

namespace {

constexpr Py_ssize_t kDefaultBlock = 32768;

struct Wrapper {
    PyObject_HEAD PyObject* file;
    Py_ssize_t block;
};

Wrapper* self_of(PyObject* object) { return reinterpret_cast<Wrapper*>(object); }

PyObject* wrapper_new(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
    static const char* names[] = {"filelike", "blksize", nullptr};
    PyObject* file = nullptr;
    Py_ssize_t block = kDefaultBlock;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|n:file_wrapper",
                                     const_cast<char**>(names), &file, &block)) {
        return nullptr;
    }
    PyObject* object = PyType_GenericNew(type, nullptr, nullptr);
    if (object == nullptr) return nullptr;
    self_of(object)->file = Py_NewRef(file);
    self_of(object)->block = block > 0 ? block : kDefaultBlock;
    return object;
}

PyObject* wrapper_iter(PyObject* object) { return Py_NewRef(object); }

PyObject* wrapper_next(PyObject* object) {
    PyObject* piece =
        PyObject_CallMethod(self_of(object)->file, "read", "n", self_of(object)->block);
    if (piece == nullptr) return nullptr;
    const int more = PyObject_IsTrue(piece);
    if (more > 0) return piece;
    Py_DECREF(piece);
    return nullptr;
}

PyObject* wrapper_close(PyObject* object, PyObject*) {
    PyRef close = PyRef::steal(PyObject_GetAttrString(self_of(object)->file, "close"));
    if (!close) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return PyObject_CallNoArgs(close.get());
}

PyObject* wrapper_filelike(PyObject* object, void*) { return Py_NewRef(self_of(object)->file); }
PyObject* wrapper_blksize(PyObject* object, void*) {
    return PyLong_FromSsize_t(self_of(object)->block);
}

int wrapper_traverse(PyObject* object, visitproc visit, void* arg) {
    Py_VISIT(self_of(object)->file);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

int wrapper_clear(PyObject* object) {
    Py_CLEAR(self_of(object)->file);
    return 0;
}

void wrapper_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    wrapper_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

// The position is the object's own: a buffered file has read ahead of it in the descriptor.
std::optional<long long> position_of(PyObject* file) {
    const PyRef position = PyRef::steal(PyObject_CallMethod(file, "tell", nullptr));
    const long long value = position ? PyLong_AsLongLong(position.get()) : -1;
    if (PyErr_Occurred()) PyErr_Clear();
    return value >= 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

bool FileWrapperType::prepare() {
    static PyMethodDef methods[] = {{"close", wrapper_close, METH_NOARGS, "closes the file"},
                                    {nullptr, nullptr, 0, nullptr}};
    static PyGetSetDef members[] = {
        {"filelike", wrapper_filelike, nullptr, "the wrapped object", nullptr},
        {"blksize", wrapper_blksize, nullptr, "bytes per read()", nullptr},
        {nullptr, nullptr, nullptr, nullptr, nullptr}};
    PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(wrapper_new)},
                           {Py_tp_methods, methods},
                           {Py_tp_getset, members},
                           {Py_tp_iter, reinterpret_cast<void*>(wrapper_iter)},
                           {Py_tp_iternext, reinterpret_cast<void*>(wrapper_next)},
                           {Py_tp_traverse, reinterpret_cast<void*>(wrapper_traverse)},
                           {Py_tp_clear, reinterpret_cast<void*>(wrapper_clear)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(wrapper_dealloc)},
                           {0, nullptr}};
    PyType_Spec spec{"mewsgi.FileWrapper", sizeof(Wrapper), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
    type_ = PyRef::steal(PyType_FromSpec(&spec));
    return static_cast<bool>(type_);
}

std::optional<FileWrapperType::RegularFile> FileWrapperType::regular_file(PyObject* wrapper) {
    PyObject* file = self_of(wrapper)->file;
    const int fd = PyObject_AsFileDescriptor(file);
    if (fd < 0) {
        PyErr_Clear();
        return std::nullopt;
    }
    struct stat facts {};
    if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
    const auto position = position_of(file);
    if (!position) return std::nullopt;
    const auto end = static_cast<std::uint64_t>(facts.st_size);
    const auto offset = static_cast<std::uint64_t>(*position);
    return RegularFile{fd, offset, offset < end ? end - offset : 0};
}

}  // namespace mew::python
