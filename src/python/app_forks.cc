#include "python/app_forks.h"

#include "os/forked.h"
#include "python/compat.h"
#include "python/module.h"
#include "python/ref.h"

namespace mew::python {
namespace {

// Written and read by the main thread, and by others only under the GIL.
worker::Worker* g_worker = nullptr;
int g_depth = 0;  // of frames, where the fork was called

int count_frames() {
    int depth = 0;
    PyRef frame = PyRef::borrow(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
    for (; frame; ++depth) {
        PyFrameObject* const inner = reinterpret_cast<PyFrameObject*>(frame.get());
        frame = PyRef::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(inner)));
    }
    return depth;
}

// Python calls it in the main thread between two steps of the app. Some versions count threads
// after all the hooks of a fork, so in a hook of somebody else's it is still too early.
int resume_now(void*) {
    if (g_worker == nullptr || os::is_forked_child()) return 0;
    if (count_frames() > g_depth && Py_AddPendingCall(resume_now, nullptr) == 0) return 0;
    g_worker->resume_rescue();
    return 0;
}

}  // namespace

ForkingWorker::ForkingWorker(worker::Worker& worker) { g_worker = &worker; }
ForkingWorker::~ForkingWorker() { g_worker = nullptr; }

PyObject* before_fork(PyObject*, PyObject*) {
    worker::Worker* const worker = g_worker;
    if (worker == nullptr) Py_RETURN_NONE;
    worker->pause_rescue();
    Py_BEGIN_ALLOW_THREADS;
    worker->pause_prober();
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

PyObject* after_fork(PyObject*, PyObject*) {
    if (g_worker == nullptr) Py_RETURN_NONE;
    g_depth = count_frames();
    // Its queue is full: then the next call of the app brings the thread back.
    (void)Py_AddPendingCall(resume_now, nullptr);
    Py_RETURN_NONE;
}

}  // namespace mew::python
