#include "python/app_error.h"

#include "log/log.h"
#include "python/ref.h"

namespace mew::python {

namespace {

std::string text_of(PyObject* object) {
    const PyRef text = PyRef::steal(PyObject_Str(object));
    Py_ssize_t size = 0;
    // surrogateescape and friends: an exception text may hold anything
    const PyRef bytes =
        text ? PyRef::steal(PyUnicode_AsEncodedString(text.get(), "utf-8", "backslashreplace"))
             : PyRef();
    char* data = nullptr;
    if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) {
        PyErr_Clear();
        return "(an exception that cannot be shown)";
    }
    return {data, static_cast<std::size_t>(size)};
}

std::string format(PyObject* exception) {
    PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(exception));
    const PyRef traceback = PyRef::steal(PyException_GetTraceback(exception));
    const PyRef module = PyRef::steal(PyImport_ImportModule("traceback"));
    const PyRef lines =
        module ? PyRef::steal(PyObject_CallMethod(module.get(), "format_exception", "OOO", type,
                                                  exception, traceback ? traceback.get() : Py_None))
               : PyRef();
    const PyRef empty = PyRef::steal(PyUnicode_FromString(""));
    const PyRef joined =
        lines && empty ? PyRef::steal(PyUnicode_Join(empty.get(), lines.get())) : PyRef();
    if (!joined) {
        // Formatting runs the app's code (__str__); if that fails too, the type still tells.
        PyErr_Clear();
        return text_of(type);
    }
    return text_of(joined.get());
}

// Null: there was none.
std::string whole_text(PyObject* exception) {
    if (exception == nullptr) return "";
    std::string text = format(exception);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

}  // namespace

std::string take_traceback() {
    const PyRef exception = PyRef::steal(take_raised());
    return whole_text(exception.get());
}

void log_app_error(PyObject* exception, std::string_view method, std::string_view target) {
    const std::string traceback = whole_text(exception);
    std::string message = "the app failed on ";
    message.append(method).append(" ").append(target).append("\n").append(traceback);
    log::write(log::Level::error, "app-exception", message,
               {{"method", method}, {"uri", target}, {"traceback", std::string_view(traceback)}});
}

}  // namespace mew::python
