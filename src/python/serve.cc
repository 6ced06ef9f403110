#include "python/serve.h"

#include "log/log.h"
#include "python/app_error.h"
#include "python/role.h"
#include "python/wsgi_bridge.h"
#include "worker/worker.h"

namespace mew::python {

namespace {

// The GIL is given back only for a wait that blocks; the loop polls once with it held before.
struct Gil {
    PyThreadState* saved = nullptr;

    static void release(void* context) { static_cast<Gil*>(context)->saved = PyEval_SaveThread(); }
    static void acquire(void* context) { PyEval_RestoreThread(static_cast<Gil*>(context)->saved); }
};

// Once a turn: handlers that the app installed with signal.signal() run here. One that raises (as
// the default one of SIGINT does) ends this worker; the master replaces it.
bool run_signal_handlers(void*) {
    if (PyErr_CheckSignals() == 0) return true;
    log::warning("signal-handler-raised", "a signal handler raised; this worker leaves\n{}",
                 take_traceback());
    return false;
}

EnvironSettings environ_settings(const options::Options& options, const Role& own) {
    EnvironSettings settings;
    settings.listeners = own.boot.listeners;
    settings.multiprocess = options.processes > 1;
    settings.version = MEW_VERSION;
    return settings;
}

}  // namespace

PyObject* serve(PyObject*, PyObject* application) {
    Role& own = role();
    const options::Options& options = own.boot.loaded.options;
    stats::Slot& slot = own.board.slot(own.slot);

    WsgiBridge bridge(application == Py_None ? nullptr : application, slot);
    if (!bridge.prepare(environ_settings(options, own))) return nullptr;

    const worker::Settings settings = worker::settings_from(options, own.boot.listeners);
    worker::Wiring wiring;
    wiring.control_fd = own.control_fd;
    wiring.handover_fd = own.boot.handover_fd;
    wiring.handover_take_fd = own.boot.handover_take_fd;
    wiring.slot = own.slot;
    wiring.generation = own.boot.generation;
    worker::Worker worker(settings, options, slot, bridge, wiring);
    if (const auto opened = worker.open(); !opened) {
        PyErr_SetString(PyExc_OSError, opened.error().text.c_str());
        return nullptr;
    }
    Gil gil;
    worker.set_wait_hooks({Gil::release, Gil::acquire, &gil});
    worker.run(run_signal_handlers, nullptr);
    return PyLong_FromLong(0);
}

}  // namespace mew::python
