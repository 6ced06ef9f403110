#include "python/module_files.h"

#include <atomic>
#include <string_view>

#include "control/message.h"
#include "log/log.h"
#include "os/memory_file.h"
#include "python/app_error.h"
#include "python/module.h"
#include "python/ref.h"
#include "python/role.h"

namespace mew::python {
namespace {

PyObject* g_look = nullptr;  // set once, in the zygote; never freed
std::atomic<Py_ssize_t> g_modules{0};

base::Result<void> send_list(std::string_view list) {
    const base::Result<os::Fd> memory = os::make_constant_memory("mewsgi-files", list);
    if (!memory) return base::Unexpected<base::Error>{memory.error()};
    control::Message message;
    message.kind = control::Kind::files;
    message.slot = role().slot;
    message.generation = role().boot.generation;
    return control::send(role().control_fd, message, {memory->get()});
}

}  // namespace

void look_for_imports() {
    if (g_look == nullptr) return;
    const Py_ssize_t now = PyDict_Size(PyImport_GetModuleDict());
    if (g_modules.exchange(now, std::memory_order_relaxed) == now) return;
    const PyRef done = PyRef::steal(PyObject_CallNoArgs(g_look));
    if (!done)
        log::error("autoreload-failed", "cannot list the files of the app's modules\n{}",
                   take_traceback());
}

PyObject* watch_modules(PyObject*, PyObject* look) {
    Py_INCREF(look);
    g_look = look;
    Py_RETURN_NONE;
}

PyObject* tell_files(PyObject*, PyObject* list) {
    char* bytes = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(list, &bytes, &size) != 0) return nullptr;
    const auto sent = send_list({bytes, static_cast<std::size_t>(size)});
    if (!sent) log::warning("files-not-told", "py-autoreload: {}", sent.error().text);
    return PyBool_FromLong(sent.has_value() ? 1 : 0);
}

}  // namespace mew::python
