#include "python/serve.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <vector>

#include "log/log.h"
#include "os/fd.h"
#include "python/app_error.h"
#include "python/app_forks.h"
#include "python/core_threads.h"
#include "python/gil_wait.h"
#include "python/retirement.h"
#include "python/role.h"
#include "python/serve_greenlets.h"
#include "python/serve_parts.h"
#include "worker/worker.h"

namespace mew::python {

namespace {

// The GIL is given back only for a wait that blocks; the loop polls once with it held before.
struct Gil {
    PyThreadState* saved = nullptr;

    static void release(void* context) { static_cast<Gil*>(context)->saved = PyEval_SaveThread(); }
    static void acquire(void* context) { PyEval_RestoreThread(static_cast<Gil*>(context)->saved); }
};

#ifndef Py_GIL_DISABLED
// On the worker's prober: comes back once the GIL was to be had.
void take_gil_briefly(void* interpreter) {
    // One each time: the prober comes and goes, and no app shall meet a thread state of its.
    PyThreadState* const state = PyThreadState_New(static_cast<PyInterpreterState*>(interpreter));
    if (state == nullptr) return;
    PyEval_RestoreThread(state);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
}
#endif

void set_probe(worker::LanguageHooks& hooks) {
#ifndef Py_GIL_DISABLED
    hooks.probe = take_gil_briefly;
    hooks.probe_context = PyThreadState_GetInterpreter(PyThreadState_Get());
#else
    (void)hooks;
#endif
}

// Handlers that the app installed with signal.signal() run here, on the main thread. One that
// raises (as the default one of SIGINT does) ends this worker; the master replaces it.
bool run_signal_handlers(void*) {
    if (PyErr_CheckSignals() == 0) return true;
    log::warning("signal-handler-raised", "a signal handler raised; this worker leaves\n{}",
                 take_traceback());
    return false;
}

// The same where the loop's thread is outside Python.
bool enter_for_signal_handlers(void* context) {
    Gil::acquire(context);
    const bool go_on = run_signal_handlers(nullptr);
    Gil::release(context);
    return go_on;
}

// Python writes to the pipe when a signal came whose handler is due.
struct SignalPipe {
    os::Fd read_end;
    os::Fd write_end;

    bool open() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            return false;
        }
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
        const auto before = set_wakeup(write_end.get());
        // The app has one of its own, which stays: its handlers then wait for the next event.
        if (before && *before >= 0) return set_wakeup(*before).has_value();
        return before.has_value();
    }
    ~SignalPipe() {
        if (!write_end) return;
        const auto now = set_wakeup(-1);
        if (now && *now >= 0 && *now != write_end.get()) (void)set_wakeup(*now);
        PyErr_Clear();
    }

private:
    // signal.set_wakeup_fd(); the one before, or nothing with an exception set.
    static std::optional<long> set_wakeup(long fd) {
        const PyRef module = PyRef::steal(PyImport_ImportModule("signal"));
        if (!module) return std::nullopt;
        const PyRef before =
            PyRef::steal(PyObject_CallMethod(module.get(), "set_wakeup_fd", "l", fd));
        if (!before) return std::nullopt;
        return PyLong_AsLong(before.get());
    }
};

PyObject* serve_inline(worker::Worker& worker) {
    worker::LanguageHooks hooks;
    hooks.wait = gil_wait_hooks();
    hooks.turn = run_signal_handlers;
    set_probe(hooks);
    if (const auto opened = worker.open(hooks); !opened) return raise(opened.error());
    const ForkingWorker forking(worker);
    worker.run();
    return PyLong_FromLong(0);
}

PyObject* serve_pooled(worker::Worker& worker, const Role& own, int threads) {
    SignalPipe pipe;
    if (!pipe.open()) return nullptr;
    CoreThreads core_threads(own.slot, threads);
    Gil gil;
    worker::LanguageHooks hooks;
    hooks.threads = core_threads.hooks();
    hooks.turn = enter_for_signal_handlers;
    hooks.context = &gil;
    hooks.interrupt_fd = pipe.read_end.get();
    set_probe(hooks);
    Gil::release(&gil);
    const auto opened = worker.open(hooks);
    if (opened) worker.run();
    Gil::acquire(&gil);
    return opened ? PyLong_FromLong(0) : raise(opened.error());
}

}  // namespace

PyObject* serve(PyObject*, PyObject* arguments) {
    PyObject* application = nullptr;
    PyObject* mounts = nullptr;
    if (!PyArg_ParseTuple(arguments, "OO!", &application, &PyList_Type, &mounts)) return nullptr;
    Role& own = role();
    const options::Options& options = own.boot.loaded.options;
    PyObject* const app = application == Py_None ? nullptr : application;
    const client::Settings settings = client::settings_from(options, own.boot.listeners);
    stats::Slot& slot = own.board.slot(own.slot, own.lane());
    if (options.gevent > 0)
        return serve_greenlets(
            {app, mounts, options, environ_settings(options, own), settings, slot, wiring_of(own)});
    Bridges bridges;
    if (!bridges.prepare(app, mounts, options, own)) return nullptr;
    worker::Worker worker(settings, options, slot, {bridges.list(), 0}, wiring_of(own));
    announce_retirement_of(worker);
    return options.threads > 1 ? serve_pooled(worker, own, options.threads) : serve_inline(worker);
}

}  // namespace mew::python
