// What _singleton.py asks of the native half, and the public package for loops that poll.

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <optional>

#include "python/module.h"
#include "python/role.h"
#include "python/task.h"
#include "python/text.h"

namespace mew::python {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Signals wait, so that one that comes between the look for it and the sleep ends the sleep.
class SignalsWait {
public:
    SignalsWait() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsWait() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsWait(const SignalsWait&) = delete;
    SignalsWait& operator=(const SignalsWait&) = delete;
    const sigset_t& before() const { return before_; }

private:
    sigset_t before_;
};

// False: a handler raised.
bool sleep_once(std::optional<milliseconds> limit) {
    if (PyErr_CheckSignals() != 0) return false;
    const SignalsWait waiting;
    if (PyErr_CheckSignals() != 0) return false;
    Py_BEGIN_ALLOW_THREADS;
    task::wait_for_stop(limit, waiting.before());
    Py_END_ALLOW_THREADS;
    return true;
}

bool check_task() {
    if (role().task != 0) return true;
    PyErr_SetString(PyExc_RuntimeError, "this process runs no singleton");
    return false;
}

}  // namespace

PyObject* task_begin(PyObject*, PyObject*) {
    if (!check_task()) return nullptr;
    Py_BEGIN_ALLOW_THREADS;
    task::wait_for_word();
    Py_END_ALLOW_THREADS;
    const base::Result<void> listens = task::listen();
    if (listens) Py_RETURN_NONE;
    PyErr_SetString(PyExc_RuntimeError, listens.error().text.c_str());
    return nullptr;
}

PyObject* task_ended(PyObject*, PyObject* args) {
    int status = 0;
    int raised = 0;
    PyObject* object = nullptr;
    std::string text;
    if (!check_task() || !PyArg_ParseTuple(args, "ipO", &status, &raised, &object) ||
        !to_utf8(object, text))
        return nullptr;
    tell_master(raised != 0 ? control::Kind::failed : control::Kind::left,
                static_cast<std::uint64_t>(status), text);
    Py_RETURN_NONE;
}

PyObject* task_stopping(PyObject*, PyObject*) { return PyBool_FromLong(task::stopping()); }

PyObject* task_begin_stop(PyObject*, PyObject*) {
    task::begin_stop();
    Py_RETURN_NONE;
}

// wait_for_stop(seconds); negative: without end.
PyObject* task_wait_for_stop(PyObject*, PyObject* argument) {
    const double seconds = PyFloat_AsDouble(argument);
    if (seconds == -1.0 && PyErr_Occurred()) return nullptr;
    const bool endless = !(seconds >= 0) || seconds > 1e9;
    const auto limit = milliseconds(endless ? 0 : static_cast<std::int64_t>(seconds * 1000));
    const auto begun = steady_clock::now();
    for (;;) {
        const auto passed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun);
        const bool told = task::stopping();
        if (told || (!endless && passed >= limit)) {
            return PyErr_CheckSignals() == 0 ? PyBool_FromLong(told) : nullptr;
        }
        if (!sleep_once(endless ? std::nullopt : std::optional(limit - passed))) return nullptr;
    }
}

}  // namespace mew::python
