#include "python/wsgi_file_wrapper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

namespace mew::python {

namespace {

constexpr Py_ssize_t kDefaultBlock = 32768;

struct Wrapper {
    PyObject_HEAD PyObject* file;
    Py_ssize_t block;
    std::uint64_t left;  // bytes that iterating may still give
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
    self_of(object)->left = UINT64_MAX;
    return object;
}

PyObject* wrapper_iter(PyObject* object) { return Py_NewRef(object); }

PyObject* wrapper_next(PyObject* object) {
    Wrapper& self = *self_of(object);
    if (self.left == 0) return nullptr;
    const auto size = static_cast<Py_ssize_t>(
        std::min<std::uint64_t>(self.left, static_cast<std::uint64_t>(self.block)));
    PyRef piece = PyRef::steal(PyObject_CallMethod(self.file, "read", "n", size));
    if (!piece || PyObject_IsTrue(piece.get()) <= 0) return nullptr;
    if (PyBytes_Check(piece.get())) {
        const auto got = static_cast<std::uint64_t>(PyBytes_GET_SIZE(piece.get()));
        self.left -= std::min(got, self.left);
    }
    return piece.release();
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

// Not changed after prepare(); borrowed from the module io, which nobody unloads.
PyObject* g_file_io = nullptr;
PyObject* g_buffered_reader = nullptr;
PyObject* g_buffered_random = nullptr;

bool is_exactly(PyObject* object, PyObject* type) {
    return reinterpret_cast<PyObject*>(Py_TYPE(object)) == type;
}

// The object of the standard library whose read() is what reading `file` calls (Django's File has
// its file's own), if that reads a descriptor and nothing else. Nothing, and no exception, if not.
PyRef plain_file(PyObject* file) {
    const PyRef read = PyRef::steal(PyObject_GetAttrString(file, "read"));
    PyObject* owner =
        read && PyCFunction_Check(read.get()) ? PyCFunction_GET_SELF(read.get()) : nullptr;
    if (owner == nullptr) return PyRef();
    if (is_exactly(owner, g_file_io)) return PyRef::borrow(owner);
    if (!is_exactly(owner, g_buffered_reader) && !is_exactly(owner, g_buffered_random)) {
        return PyRef();
    }
    const PyRef raw = PyRef::steal(PyObject_GetAttrString(owner, "raw"));
    return raw && is_exactly(raw.get(), g_file_io) ? PyRef::borrow(owner) : PyRef();
}

bool is_readable_file(int fd, std::uint64_t& size) {
    struct stat facts {};
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) return false;
    if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    size = static_cast<std::uint64_t>(facts.st_size);
    return true;
}

std::optional<FileWrapperType::RegularFile> find_regular_file(PyObject* file) {
    const PyRef plain = plain_file(file);
    const int fd = plain ? PyObject_AsFileDescriptor(plain.get()) : -1;
    std::uint64_t end = 0;
    if (fd < 0 || !is_readable_file(fd, end)) return std::nullopt;
    // The position is the object's own: a buffered file has read ahead of it in the descriptor.
    const PyRef position = PyRef::steal(PyObject_CallMethod(plain.get(), "tell", nullptr));
    const long long offset = position ? PyLong_AsLongLong(position.get()) : -1;
    if (offset < 0 || static_cast<std::uint64_t>(offset) >= end) {
        return std::nullopt;  // also files of /proc, whose size is not what they hold
    }
    return FileWrapperType::RegularFile{fd, static_cast<std::uint64_t>(offset),
                                        end - static_cast<std::uint64_t>(offset)};
}

}  // namespace

bool FileWrapperType::prepare() {
    const PyRef io = PyRef::steal(PyImport_ImportModule("io"));
    if (!io) return false;
    const auto type_named = [&](const char* name) {
        const PyRef found = PyRef::steal(PyObject_GetAttrString(io.get(), name));
        return found.get();
    };
    g_file_io = type_named("FileIO");
    g_buffered_reader = type_named("BufferedReader");
    g_buffered_random = type_named("BufferedRandom");
    if (g_file_io == nullptr || g_buffered_reader == nullptr || g_buffered_random == nullptr) {
        return false;
    }
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
    auto found = find_regular_file(self_of(wrapper)->file);
    PyErr_Clear();  // whatever the object raised: it is read then, and may raise again
    return found;
}

void FileWrapperType::limit(PyObject* wrapper, std::uint64_t bytes) {
    self_of(wrapper)->left = bytes;
}

}  // namespace mew::python
