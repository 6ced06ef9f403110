#include "python/wsgi_input.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include "python/body_window.h"
#include "python/turn.h"

namespace mew::python {

namespace {

// Borrowed from InputType, which lives as long as the process; not changed after prepare().
PyObject* g_error_type = nullptr;
PyObject* g_unsupported = nullptr;
std::uint64_t g_keeps = 0;

struct State {
    BodyWindow window;
    bool shared;  // no body, and no state: many threads may call it at once
    Turn turn;
};

struct Input {
    PyObject_HEAD State state;
};

State& state_of(PyObject* object) { return reinterpret_cast<Input*>(object)->state; }

PyObject* raise_failure(const BodyWindow& window) {
    if (PyErr_Occurred() != nullptr) return nullptr;  // thrown into the wait: a gevent.Timeout
    std::string text = "the request body is not complete: ";
    text.append(window.failure()->reason);
    PyErr_SetString(g_error_type, text.c_str());
    return nullptr;
}

// The turn to read, held to the end of a method; not given once the body failed.
class Reading {
public:
    explicit Reading(PyObject* object) : window(state_of(object).window) {
        State& state = state_of(object);
        if (state.shared) return;
        if (!state.turn.take()) {
            allowed_ = false;
            return;
        }
        turn_ = &state.turn;
        if (window.failure()) {
            raise_failure(window);
            allowed_ = false;
        }
    }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    Reading(Reading&&) = delete;
    Reading& operator=(Reading&&) = delete;
    ~Reading() {
        if (turn_ != nullptr) turn_->give_back();
    }
    explicit operator bool() const { return allowed_; }

    PyObject* take(std::size_t size) {
        const std::string_view taken = window.ahead().substr(0, size);
        PyObject* bytes =
            PyBytes_FromStringAndSize(taken.data(), static_cast<Py_ssize_t>(taken.size()));
        if (bytes != nullptr && size > 0) window.consume(size);
        return bytes;
    }
    // What is here, into `room` bytes at `target`; waits only if that is nothing.
    PyObject* take_into(void* target, std::size_t room) {
        if (!await(room == 0 ? 0 : 1)) return nullptr;
        const std::string_view taken = window.ahead().substr(0, room);
        if (!taken.empty()) {
            std::memcpy(target, taken.data(), taken.size());
            window.consume(taken.size());
        }
        return PyLong_FromSize_t(taken.size());
    }
    // Waits until `size` bytes are here or the body is complete; false with an exception set.
    bool await(std::size_t size) {
        while (window.ahead().size() < size && !window.complete()) {
            if (!window.pull()) {
                raise_failure(window);
                return false;
            }
        }
        return true;
    }

    BodyWindow& window;

private:
    Turn* turn_ = nullptr;
    bool allowed_ = true;
};

// None and negative numbers mean "all", SIZE_MAX. False with an exception set.
bool parse_size(PyObject* const* arguments, Py_ssize_t count, const char* name, std::size_t& size) {
    size = SIZE_MAX;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", name, count);
        return false;
    }
    if (count == 0 || arguments[0] == Py_None) return true;
    const Py_ssize_t asked = PyNumber_AsSsize_t(arguments[0], PyExc_OverflowError);
    if (asked == -1 && PyErr_Occurred() != nullptr) return false;
    if (asked >= 0) size = static_cast<std::size_t>(asked);
    return true;
}

PyObject* input_read(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t size = 0;
    if (!parse_size(arguments, count, "read", size)) return nullptr;
    Reading reading(object);
    if (!reading || !reading.await(size)) return nullptr;
    return reading.take(std::min(size, reading.window.ahead().size()));
}

PyObject* input_read1(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t size = 0;
    if (!parse_size(arguments, count, "read1", size)) return nullptr;
    Reading reading(object);
    if (!reading || !reading.await(size == 0 ? 0 : 1)) return nullptr;
    return reading.take(std::min(size, reading.window.ahead().size()));
}

PyObject* input_readinto(PyObject* object, PyObject* target) {
    Py_buffer view;
    if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) != 0) return nullptr;
    PyObject* result = nullptr;
    {
        Reading reading(object);
        result =
            reading ? reading.take_into(view.buf, static_cast<std::size_t>(view.len)) : nullptr;
    }
    PyBuffer_Release(&view);
    return result;
}

PyObject* read_line(PyObject* object, std::size_t most) {
    Reading reading(object);
    if (!reading) return nullptr;
    std::size_t searched = 0;
    for (;;) {
        const std::string_view ahead = reading.window.ahead();
        const std::size_t found = ahead.find('\n', searched);
        if (found != std::string_view::npos) return reading.take(std::min(found + 1, most));
        searched = ahead.size();
        if (searched >= most || reading.window.complete()) {
            return reading.take(std::min(searched, most));
        }
        if (!reading.await(searched + 1)) return nullptr;
    }
}

PyObject* input_readline(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t size = 0;
    if (!parse_size(arguments, count, "readline", size)) return nullptr;
    return read_line(object, size);
}

PyObject* input_readlines(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t hint = 0;
    if (!parse_size(arguments, count, "readlines", hint)) return nullptr;
    PyRef lines = PyRef::steal(PyList_New(0));
    if (!lines) return nullptr;
    if (hint == 0) hint = SIZE_MAX;
    for (std::size_t total = 0; total < hint;) {
        const PyRef line = PyRef::steal(read_line(object, SIZE_MAX));
        if (!line) return nullptr;
        if (PyBytes_GET_SIZE(line.get()) == 0) break;
        total += static_cast<std::size_t>(PyBytes_GET_SIZE(line.get()));
        if (PyList_Append(lines.get(), line.get()) != 0) return nullptr;
    }
    return lines.release();
}

PyObject* input_next(PyObject* object) {
    PyRef line = PyRef::steal(read_line(object, SIZE_MAX));
    if (!line || PyBytes_GET_SIZE(line.get()) == 0) return nullptr;  // an error, or the end
    return line.release();
}

// --- seek and tell

PyObject* raise_not_seekable(const char* what) {
    PyErr_Format(g_unsupported,
                 "wsgi.input cannot seek %s here: only a body no larger than post-buffering (%llu "
                 "bytes) that is all known is kept; raise post-buffering, or read the body once",
                 what, static_cast<unsigned long long>(g_keeps));
    return nullptr;
}

// Forwards by reading, up to the end.
bool skip_to(Reading& reading, std::uint64_t target) {
    BodyWindow& window = reading.window;
    while (window.position() < target) {
        if (!reading.await(1)) return false;
        const std::uint64_t wanted = target - window.position();
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(wanted, window.ahead().size()));
        if (size == 0) break;
        window.consume(size);
    }
    return true;
}

PyObject* seek(Reading& reading, Py_ssize_t offset, long whence) {
    BodyWindow& window = reading.window;
    std::uint64_t from = 0;
    if (whence == SEEK_CUR) from = window.position();
    if (whence == SEEK_END) {
        if (!window.seekable()) return raise_not_seekable("from the end");
        if (!reading.await(SIZE_MAX)) return nullptr;
        from = window.position() + window.ahead().size();
    }
    std::int64_t target = 0;
    if (__builtin_add_overflow(static_cast<std::int64_t>(from), offset, &target) || target < 0) {
        PyErr_Format(PyExc_ValueError, "seek() to a place that no body has: %zd from %llu", offset,
                     static_cast<unsigned long long>(from));
        return nullptr;
    }
    const auto wanted = static_cast<std::uint64_t>(target);
    if (wanted < window.position()) {
        if (!window.seekable()) return raise_not_seekable("backwards");
        window.move_to(wanted);
    } else if (!skip_to(reading, wanted)) {
        return nullptr;
    }
    return PyLong_FromUnsignedLongLong(window.position());
}

PyObject* input_seek(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    if (count < 1 || count > 2) {
        PyErr_Format(PyExc_TypeError, "seek() takes 1 or 2 arguments (%zd given)", count);
        return nullptr;
    }
    const Py_ssize_t offset = PyNumber_AsSsize_t(arguments[0], PyExc_OverflowError);
    if (offset == -1 && PyErr_Occurred() != nullptr) return nullptr;
    const long whence = count == 2 ? PyLong_AsLong(arguments[1]) : SEEK_SET;
    if (whence == -1 && PyErr_Occurred() != nullptr) return nullptr;
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) {
        PyErr_Format(PyExc_ValueError, "whence of seek() is 0, 1 or 2, not %ld", whence);
        return nullptr;
    }
    Reading reading(object);
    return reading ? seek(reading, offset, whence) : nullptr;
}

PyObject* input_tell(PyObject* object, PyObject*) {
    State& state = state_of(object);
    if (state.shared) return PyLong_FromLong(0);
    const TakenTurn turn(state.turn);
    return turn ? PyLong_FromUnsignedLongLong(state.window.position()) : nullptr;
}

PyObject* input_seekable(PyObject* object, PyObject*) {
    State& state = state_of(object);
    if (state.shared) Py_RETURN_TRUE;
    const TakenTurn turn(state.turn);
    return turn ? PyBool_FromLong(state.window.seekable()) : nullptr;
}

// --- what else a file has

PyObject* input_self(PyObject* object) { return Py_NewRef(object); }
PyObject* input_enter(PyObject* object, PyObject*) { return Py_NewRef(object); }
PyObject* input_none(PyObject*, PyObject*) { Py_RETURN_NONE; }
PyObject* input_true(PyObject*, PyObject*) { Py_RETURN_TRUE; }
PyObject* input_false(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* input_closed(PyObject*, void*) { Py_RETURN_FALSE; }

PyObject* input_fileno(PyObject*, PyObject*) {
    PyErr_SetString(g_unsupported,
                    "wsgi.input has no descriptor: the server reads the socket, and may hold "
                    "bytes of the body already; use read()");
    return nullptr;
}

void input_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    state_of(object).~State();
    PyObject_Free(object);
    Py_DECREF(type);
}

PyCFunction fast(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef* methods() {
    static PyMethodDef table[] = {
        {"read", fast(input_read), METH_FASTCALL, "read([size]) -> bytes; waits for them"},
        {"read1", fast(input_read1), METH_FASTCALL,
         "read1([size]) -> bytes; what is here, waiting only if that is nothing"},
        {"readinto", input_readinto, METH_O,
         "readinto(buffer) -> number of bytes; as read1, into memory of yours"},
        {"readinto1", input_readinto, METH_O, "the same as readinto"},
        {"readline", fast(input_readline), METH_FASTCALL, "readline([size]) -> bytes"},
        {"readlines", fast(input_readlines), METH_FASTCALL, "readlines([hint]) -> list of bytes"},
        {"seek", fast(input_seek), METH_FASTCALL,
         "seek(offset[, whence]) -> position; backwards only up to post-buffering bytes"},
        {"tell", input_tell, METH_NOARGS, "tell() -> position: bytes of the body before it"},
        {"seekable", input_seekable, METH_NOARGS, nullptr},
        {"fileno", input_fileno, METH_NOARGS, "raises io.UnsupportedOperation"},
        {"close", input_none, METH_NOARGS, "does nothing: the server owns the body"},
        {"flush", input_none, METH_NOARGS, "does nothing"},
        {"readable", input_true, METH_NOARGS, nullptr},
        {"writable", input_false, METH_NOARGS, nullptr},
        {"isatty", input_false, METH_NOARGS, nullptr},
        {"__enter__", input_enter, METH_NOARGS, nullptr},
        {"__exit__", input_none, METH_VARARGS, nullptr},
        {nullptr, nullptr, 0, nullptr}};
    return table;
}

PyGetSetDef g_members[] = {{"closed", input_closed, nullptr, "False", nullptr},
                           {nullptr, nullptr, nullptr, nullptr, nullptr}};

// An attribute of a module, new reference; null with an exception set.
PyObject* attribute(const char* module, const char* name) {
    const PyRef found = PyRef::steal(PyImport_ImportModule(module));
    return found ? PyObject_GetAttrString(found.get(), name) : nullptr;
}

}  // namespace

bool InputType::prepare(std::uint64_t keeps) {
    // A class of the Python package, so that apps can name it while they are imported.
    error_type_ = PyRef::steal(attribute("mewsgi", "RequestBodyError"));
    unsupported_ = PyRef::steal(attribute("io", "UnsupportedOperation"));
    g_error_type = error_type_.get();
    g_unsupported = unsupported_.get();
    keeps_ = g_keeps = keeps;
    PyType_Slot slots[] = {{Py_tp_methods, methods()},
                           {Py_tp_getset, g_members},
                           {Py_tp_iter, reinterpret_cast<void*>(input_self)},
                           {Py_tp_iternext, reinterpret_cast<void*>(input_next)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(input_dealloc)},
                           {0, nullptr}};
    PyType_Spec spec{"mewsgi.RequestBody", sizeof(Input), 0, Py_TPFLAGS_DEFAULT, slots};
    type_ = PyRef::steal(type_of_ours(spec));
    if (!error_type_ || !unsupported_ || !type_) return false;
    empty_ = PyRef::steal(make(nullptr, std::nullopt));
    return static_cast<bool>(empty_);
}

PyObject* InputType::make(http::BodySource* source, std::optional<std::uint64_t> size) {
    if (source == nullptr && empty_) return Py_NewRef(empty_.get());
    Input* input = PyObject_New(Input, reinterpret_cast<PyTypeObject*>(type_.get()));
    if (input == nullptr) return nullptr;
    new (&input->state) State{BodyWindow(source, size, keeps_), source == nullptr, {}};
    return reinterpret_cast<PyObject*>(input);
}

void InputType::detach(PyObject* input) {
    State& state = state_of(input);
    if (state.shared) return;
    if (!state.turn.take()) return PyErr_Clear();
    state.window.end();
    state.turn.give_back();
}

const http::BodyFailure* InputType::failure(PyObject* input) {
    const auto& failure = state_of(input).window.failure();
    return failure ? &*failure : nullptr;
}

}  // namespace mew::python
