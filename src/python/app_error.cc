#include "python/app_error.h"

#include "log/log.h"
#include "python/ref.h"

namespace mew::python {

namespace {

std::string text_of(PyObject* object) {
    const PyRef text = PyRef::steal(PyObject_Str(object));
    Py_ssize_t size = 0;
    // surrogateescape and friends: an exception text may hold anything
    const PyRef bytes = text ? PyRef::steal(PyUnicode_AsEncodedString(text.get(), "utf-8",
                                                                     "backslashreplace"))
                             : PyRef();
    char* data = nullptr;
    if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) {
        PyErr_Clear();
        return "(an exception that cannot be shown)";
    }
    return {data, static_cast<std::size_t>(size)};
}

std::string format(PyObject* type, PyObject* value, PyObject* traceback) {
    const PyRef module = PyRef::steal(PyImport_ImportModule("traceback"));
    const PyRef lines =
        module ? PyRef::steal(PyObject_CallMethod(module.get(), "format_exception", "OOO", type,
                                                 value ? value : Py_None,
                                                 traceback ? traceback : Py_None))
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

}  // namespace

std::string take_traceback() {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == nullptr) return "";
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != nullptr && value != nullptr) PyException_SetTraceback(value, traceback);
    const PyRef owned_type = PyRef::steal(type);
    const PyRef owned_value = PyRef::steal(value);
    const PyRef owned_traceback = PyRef::steal(traceback);
    std::string text = format(type, value, traceback);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

void log_app_error(std::string_view method, std::string_view target) {
    const std::string traceback = take_traceback();
    std::string message = "the app failed on ";
    message.append(method).append(" ").append(target).append("\n").append(traceback);
    log::write(log::Level::error, "app-exception", message,
               {{"method", method}, {"uri", target}, {"traceback", std::string_view(traceback)}});
}

}  // namespace mew::python
