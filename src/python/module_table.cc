#include "control/message.h"
#include "python/asgi_serve.h"
#include "python/error_page.h"
#include "python/module.h"
#include "python/retirement.h"
#include "python/serve.h"
#include "python/uwsgi_websocket.h"

namespace mew::python {
namespace {

PyMethodDef function_table[] = {
    {"attach", attach, METH_O, "Take the boot block and become the zygote it describes."},
    {"log", log_event, METH_VARARGS, "log(level, event, message): one line of the server log."},
    {"set_role", set_role, METH_O, "The name that log lines of this process bear."},
    {"set_title", set_title, METH_O, "The title of this process, as ps shows it."},
    {"zygote_ready", zygote_ready, METH_O, "Tell the master that the app is imported."},
    {"zygote_failed", zygote_failed, METH_VARARGS, "Tell the master why not, and exit."},
    {"worker_failed", worker_failed, METH_VARARGS, "Tell the master why not, and exit."},
    {"wait_for_spawn", wait_for_spawn_order, METH_NOARGS,
     "Stand still and fork for each order; returns in the worker or task: its kind and number."},
    {"serve", serve, METH_VARARGS, "Answer requests until the master retires this worker."},
    {"asgi_open", asgi_open, METH_VARARGS, "Serve ASGI apps as soon as the loop runs."},
    {"asgi_close", asgi_close, METH_NOARGS, "After the loop's last turn; the exit status."},
    {"before_fork", before_fork, METH_NOARGS, "Ends the thread of ours, for a fork by the app."},
    {"after_fork", after_fork, METH_NOARGS, "Starts it again, in the parent."},
    {"limit_exit", limit_exit, METH_VARARGS, "limit_exit(seconds, status): exit then at last."},
    {"set_exit_step", set_exit_step, METH_O, "What that exit names as not done."},
    {"leave", leave_process, METH_O, "End this process at once."},
    {"request_reload", request_reload, METH_NOARGS, "Ask the master to reload."},
    {"request_stop", request_stop, METH_NOARGS, "Ask the master to stop."},
    {"worker_id", worker_id, METH_NOARGS, "1 to N; 0 outside a worker."},
    {"request_id", request_id, METH_NOARGS, "Requests that this worker has answered."},
    {"total_requests", total_requests, METH_NOARGS, "Requests that all workers have answered."},
    {"workers", workers, METH_NOARGS, "What the board says of each worker."},
    {"watch_modules", watch_modules, METH_O,
     "What to call when a request brought about an import."},
    {"tell_files", tell_files, METH_O, "Send a list of files to the watcher; whether it went out."},
    {"show_errors", show_errors, METH_O, "What makes the page of an error, for `mewsgi dev`."},
    {"task_begin", task_begin, METH_NOARGS,
     "Wait for the master's word, and hear it from then on."},
    {"task_ended", task_ended, METH_VARARGS,
     "task_ended(status, raised, text): tell the master how the function ended."},
    {"task_stopping", task_stopping, METH_NOARGS, "Whether this task was told to leave."},
    {"task_begin_stop", task_begin_stop, METH_NOARGS, "Take it for told to leave."},
    {"task_wait_for_stop", task_wait_for_stop, METH_O,
     "Sleep so many seconds (negative: without end), or until told to leave: True."},
    {"open_connections", open_connections, METH_NOARGS,
     "Descriptors of this process that are connected to somebody else, and to whom."},
    {"retirement", retirement, METH_NOARGS,
     "What is readable once this worker retires, and the close code of its WebSockets."},
    {"websocket_accept", websocket_accept, METH_VARARGS,
     "The answer to the opening handshake of a WebSocket."},
    {nullptr, nullptr, 0, nullptr},
};

int fill(PyObject* module) {
    PyObject* const id = PyLong_FromUnsignedLongLong(control::build_id());
    if (id == nullptr) return -1;
    const int added = PyModule_AddObject(module, "build_id", id);
    if (added != 0) {
        Py_DECREF(id);
        return -1;
    }
    if (add_websocket_type(module) != 0) return -1;
    return PyModule_AddStringConstant(module, "version", MEW_VERSION);
}

PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(fill)},
#if PY_VERSION_HEX >= 0x030C0000
    // The state behind the functions is the process's own.
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "mewsgi._mewsgi",
    "The native half of mewsgi; works only inside a mewsgi server.",
    0,
    function_table,
    module_slots,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace

PyModuleDef* module_definition() { return &definition; }

}  // namespace mew::python
