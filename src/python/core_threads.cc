#include "python/core_threads.h"

#include <Python.h>

#include <string>

#include "python/gil_wait.h"
#include "python/ref.h"

namespace mew::python {

namespace {

// As logs of the app show it. Only where the app uses threads at all.
void name_thread(const std::string& name) {
    const PyRef module_name = PyRef::steal(PyUnicode_FromString("threading"));
    const PyRef threading = PyRef::steal(PyImport_GetModule(module_name.get()));
    if (threading) {
        const PyRef own =
            PyRef::steal(PyObject_CallMethod(threading.get(), "current_thread", nullptr));
        const PyRef text = PyRef::steal(PyUnicode_FromString(name.c_str()));
        if (own && text) (void)PyObject_SetAttrString(own.get(), "name", text.get());
    }
    PyErr_Clear();
}

}  // namespace

CoreThreads::CoreThreads(std::uint32_t slot, int cores)
    : interpreter_(PyThreadState_GetInterpreter(PyThreadState_Get())),
      slot_(slot),
      states_(static_cast<std::size_t>(cores)) {}

worker::Pool::ThreadHooks CoreThreads::hooks() { return {begin, enter, leave, end, this}; }

void CoreThreads::begin(void* self, worker::Core& core) {
    auto& own = *static_cast<CoreThreads*>(self);
    PyThreadState*& state = own.states_[static_cast<std::size_t>(core.number)];
    state = PyThreadState_New(own.interpreter_);
    PyEval_RestoreThread(state);
    name_thread("mewsgi worker " + std::to_string(own.slot_) + " core " +
                std::to_string(core.number));
    core.wait_hooks = gil_wait_hooks();
}

void CoreThreads::enter(void* self, worker::Core& core) {
    auto& own = *static_cast<CoreThreads*>(self);
    PyEval_RestoreThread(own.states_[static_cast<std::size_t>(core.number)]);
}

void CoreThreads::leave(void* self, worker::Core& core) {
    auto& own = *static_cast<CoreThreads*>(self);
    own.states_[static_cast<std::size_t>(core.number)] = PyEval_SaveThread();
}

void CoreThreads::end(void*, worker::Core&) {
    PyThreadState_Clear(PyThreadState_Get());
    PyThreadState_DeleteCurrent();
}

}  // namespace mew::python
