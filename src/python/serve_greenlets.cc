#include "python/serve_greenlets.h"

#include <memory>

#include "log/log.h"
#include "python/app_error.h"
#include "python/app_forks.h"
#include "python/greenlet_bridge.h"
#include "python/retirement.h"
#include "python/turn.h"

namespace mew::python {
namespace {

constexpr const char* kCapsule = "mewsgi.greenlets";

// Greenlets that wait for each other's turn: a list for all, as that is rare.
PyObject* g_module = nullptr;  // mewsgi._gevent
PyObject* g_getcurrent = nullptr;
PyObject* g_waiting = nullptr;

unsigned long current_greenlet() {
    const RaisedAside raised;
    // Alive as long as it runs, so its address will do.
    const PyRef greenlet = PyRef::steal(PyObject_CallNoArgs(g_getcurrent));
    if (!greenlet) PyErr_Clear();
    const auto number = reinterpret_cast<std::uintptr_t>(greenlet.get());
    return number != 0 ? number : PyThread_get_thread_ident();
}

bool wait_for_turn() {
    const RaisedAside raised;
    return static_cast<bool>(PyRef::steal(PyObject_CallMethod(g_module, "wait", "O", g_waiting)));
}

void wake_for_turn() {
    const RaisedAside raised;
    if (!PyRef::steal(PyObject_CallMethod(g_module, "wake", "O", g_waiting)))
        log::error("greenlet-not-woken", "{}", take_traceback());
}

// False with an exception set.
bool let_greenlets_take_turns(PyObject* module) {
    static constexpr GreenletTurns kTurns{current_greenlet, wait_for_turn, wake_for_turn};
    g_module = Py_NewRef(module);
    g_getcurrent = PyObject_GetAttrString(module, "getcurrent");
    g_waiting = PyList_New(0);
    if (g_getcurrent == nullptr || g_waiting == nullptr) return false;
    greenlet_turns = &kTurns;
    return true;
}

// On the heap, all of it: where the app has run the hub already, the stack that serve() is on is
// moved away while greenlets run.
class Served {
public:
    explicit Served(const GreenletService& service)
        : settings_(service.settings),
          bridge_(service.application, service.mounts, service.environ),
          worker_(settings_, service.options, service.slot, {{&bridge_}, service.options.gevent},
                  service.wiring),
          forking_(worker_) {
        announce_retirement_of(worker_);
    }

    // Null with an exception set.
    PyObject* run(bool waits_for_hub);

private:
    static PyObject* turn(PyObject* capsule, PyObject* unused);
    static void ask_for_turn(void* self);
    PyRef make_driver(PyObject* module);

    const client::Settings settings_;
    GreenletBridge bridge_;
    worker::Worker worker_;
    ForkingWorker forking_;
    PyRef ask_;
    bool asked_ = false;
};

// turn() -> milliseconds until a timer is due, -1 without one; None: the worker has retired.
PyObject* Served::turn(PyObject* capsule, PyObject*) {
    auto* const self = static_cast<Served*>(PyCapsule_GetPointer(capsule, kCapsule));
    self->asked_ = false;
    if (!self->worker_.turn()) Py_RETURN_NONE;
    return PyLong_FromLong(self->worker_.next_due());
}

void Served::ask_for_turn(void* context) {
    auto* const self = static_cast<Served*>(context);
    if (self->asked_) return;
    const RaisedAside raised;
    const PyRef asked = PyRef::steal(PyObject_CallNoArgs(self->ask_.get()));
    self->asked_ = static_cast<bool>(asked);
    if (!asked) log::error("greenlet-not-woken", "{}", take_traceback());
}

PyRef Served::make_driver(PyObject* module) {
    static PyMethodDef definition = {"turn", turn, METH_NOARGS, nullptr};
    const PyRef capsule = PyRef::steal(PyCapsule_New(this, kCapsule, nullptr));
    const PyRef function =
        capsule ? PyRef::steal(PyCFunction_New(&definition, capsule.get())) : PyRef();
    if (!function) return PyRef();
    PyRef driver = PyRef::steal(
        PyObject_CallMethod(module, "Driver", "iO", worker_.descriptor(), function.get()));
    if (driver) ask_ = PyRef::steal(PyObject_GetAttrString(driver.get(), "ask"));
    return ask_ ? std::move(driver) : PyRef();
}

PyObject* Served::run(bool waits_for_hub) {
    const PyRef module = PyRef::steal(PyImport_ImportModule("mewsgi._gevent"));
    if (!module || !let_greenlets_take_turns(module.get()) || !bridge_.prepare(module.get()))
        return nullptr;
    if (const auto opened = worker_.open({}); !opened) {
        PyErr_SetString(PyExc_OSError, opened.error().text.c_str());
        return nullptr;
    }
    const PyRef driver = make_driver(module.get());
    if (!driver) return nullptr;
    worker_.context().turn_due = {ask_for_turn, this};
    worker_.begin();
    const PyRef done = PyRef::steal(
        PyObject_CallMethod(driver.get(), "run", "O", waits_for_hub ? Py_True : Py_False));
    worker_.context().turn_due = {};
    if (!done)
        log::warning("signal-handler-raised", "the hub was interrupted; this worker leaves\n{}",
                     take_traceback());
    worker_.end();
    return PyLong_FromLong(0);
}

}  // namespace

PyObject* serve_greenlets(const GreenletService& service) {
    // Never freed: greenlets of the app may still hold requests, and this process is at its end.
    auto* const served = new Served(service);
    return served->run(service.options.gevent_wait_for_hub);
}

}  // namespace mew::python
