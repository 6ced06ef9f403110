// What Python code of ours asks of this process: its log, its names, its end, its messages.

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "log/log.h"
#include "os/process_title.h"
#include "python/module.h"
#include "python/role.h"
#include "python/text.h"
#include "python/zygote.h"

namespace mew::python {
namespace {

bool check_attached() {
    if (role().attached) return true;
    PyErr_SetString(PyExc_RuntimeError, "this works only inside a mewsgi server");
    return false;
}

// (status, text) of the two ways to fail at the start.
PyObject* fail_with(PyObject* args) {
    int status = 0;
    PyObject* object = nullptr;
    std::string text;
    if (!check_attached() || !PyArg_ParseTuple(args, "iO", &status, &object) ||
        !to_utf8(object, text))
        return nullptr;
    fail_start(status, text);
}

PyObject* tell(control::Kind kind, PyObject* about = nullptr) {
    std::string text;
    if (!check_attached() || (about != nullptr && !to_utf8(about, text))) return nullptr;
    tell_master(kind, 0, text);
    Py_RETURN_NONE;
}

// Which step of the exit runs. Never freed: exit_later may read it at any moment.
std::atomic<const std::string*> g_exit_step{nullptr};

// Takes no Python lock: what it waits for may hold them all.
void exit_later(std::chrono::duration<double> limit, int status) {
    std::this_thread::sleep_for(limit);
    const std::string* const step = g_exit_step.load();
    log::warning("exit-hooks-cut",
                 "exit hooks or threads of the app were not done within {:g} s; exiting without "
                 "them (it was at: {})",
                 limit.count(), step != nullptr ? *step : "the first of them");
    ::_exit(status);
}

}  // namespace

PyObject* log_event(PyObject*, PyObject* args) {
    const char* level_name = nullptr;
    const char* event = nullptr;
    PyObject* object = nullptr;
    std::string message;
    if (!PyArg_ParseTuple(args, "ssO", &level_name, &event, &object) || !to_utf8(object, message))
        return nullptr;
    const std::string_view name = level_name;
    log::Level level = log::Level::info;
    if (name == "debug") level = log::Level::debug;
    if (name == "warning") level = log::Level::warning;
    if (name == "error") level = log::Level::error;
    log::write(level, event, message);
    Py_RETURN_NONE;
}

PyObject* set_role(PyObject*, PyObject* name) {
    std::string text;
    if (!to_utf8(name, text)) return nullptr;
    log::set_role(std::move(text));
    Py_RETURN_NONE;
}

PyObject* set_title(PyObject*, PyObject* title) {
    std::string text;
    if (!to_utf8(title, text)) return nullptr;
    os::set_process_title(text);
    Py_RETURN_NONE;
}

PyObject* zygote_ready(PyObject*, PyObject* about) { return tell(control::Kind::ready, about); }
PyObject* zygote_failed(PyObject*, PyObject* args) { return fail_with(args); }
PyObject* worker_failed(PyObject*, PyObject* args) { return fail_with(args); }
PyObject* request_reload(PyObject*, PyObject*) { return tell(control::Kind::reload); }
PyObject* request_stop(PyObject*, PyObject*) { return tell(control::Kind::stop); }

PyObject* wait_for_spawn_order(PyObject*, PyObject*) {
    if (!check_attached()) return nullptr;
    wait_for_spawn();
    const Role& self = role();
    return Py_BuildValue("(sI)", self.is_worker() ? "worker" : "task",
                         self.is_worker() ? self.slot : self.task);
}

PyObject* limit_exit(PyObject*, PyObject* args) {
    double seconds = 0;
    int status = 0;
    if (!PyArg_ParseTuple(args, "di", &seconds, &status)) return nullptr;
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals stay the app's main thread's
    PyObject* done = Py_None;
    try {
        std::thread(exit_later, std::chrono::duration<double>(seconds), status).detach();
    } catch (const std::system_error&) {
        done = nullptr;  // no thread to be had
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (done == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "cannot start the thread that limits the exit");
        return nullptr;
    }
    Py_RETURN_NONE;
}

PyObject* set_exit_step(PyObject*, PyObject* step) {
    std::string text;
    if (!to_utf8(step, text)) return nullptr;
    g_exit_step.store(new std::string(std::move(text)));
    Py_RETURN_NONE;
}

PyObject* leave_process(PyObject*, PyObject* status) {
    const long value = PyLong_AsLong(status);
    if (value == -1 && PyErr_Occurred()) return nullptr;
    leave(static_cast<int>(value));
}

}  // namespace mew::python
