#include "python/asyncio_loop.h"

#include <chrono>

#include "python/compat.h"
#include "python/text.h"

namespace mew::python {
namespace {

constexpr const char* kSelfName = "mewsgi.loop";

AsyncioLoop* loop_of(PyObject* capsule) {
    return static_cast<AsyncioLoop*>(PyCapsule_GetPointer(capsule, kSelfName));
}

std::int64_t now_milliseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// A call of ours into the loop failed: nobody here could do anything about it.
void report(PyObject* where) { PyErr_WriteUnraisable(where); }

}  // namespace

PyMethodDef AsyncioLoop::turn_method = {"turn", on_turn, METH_NOARGS, "One turn of the server."};
PyMethodDef AsyncioLoop::call_soon_method = {
    "call_soon", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(on_call_soon)),
    METH_FASTCALL | METH_KEYWORDS, "Takes what a task wants to begin with."};

bool AsyncioLoop::prepare(PyObject* loop) {
    loop_ = PyRef::borrow(loop);
    names_ = {
        interned("add_reader"), interned("remove_reader"), interned("call_later"),
        interned("call_soon"),  interned("cancel"),        interned("done"),
        interned("set_result"), interned("stop"),          interned("_asyncio_future_blocking")};
    const PyRef asyncio = PyRef::steal(PyImport_ImportModule("asyncio"));
    if (!asyncio) return false;
    task_type_ = PyRef::steal(PyObject_GetAttrString(asyncio.get(), "Task"));
    create_future_ = PyRef::steal(PyObject_GetAttrString(loop, "create_future"));
    call_soon_ = PyRef::steal(PyObject_GetAttrString(loop, "call_soon"));
    const PyRef self = PyRef::steal(PyCapsule_New(this, kSelfName, nullptr));
    if (!task_type_ || !create_future_ || !call_soon_ || !self) return false;
    turn_callback_ = PyRef::steal(PyCFunction_New(&turn_method, self.get()));
    capture_ = PyRef::steal(PyCFunction_New(&call_soon_method, self.get()));
    context_ = PyRef::steal(PyContext_CopyCurrent());
    context_keyword_ = PyRef::steal(Py_BuildValue("(s)", "context"));
    if (!context_ || !context_keyword_) return false;
#if PY_VERSION_HEX >= 0x030C0000
    task_keywords_ = PyRef::steal(Py_BuildValue("(ss)", "loop", "eager_start"));
#else
    task_keywords_ = PyRef::steal(Py_BuildValue("(s)", "loop"));
#endif
    return turn_callback_ && capture_ && task_keywords_ && PyErr_Occurred() == nullptr;
}

// --- turns

PyObject* AsyncioLoop::on_turn(PyObject* self, PyObject*) {
    loop_of(self)->run_turn();
    Py_RETURN_NONE;
}

void AsyncioLoop::run_turn() {
    turn_asked_ = false;
    // Perhaps it is the timer that runs this turn: it wakes nobody again, and by the other loop's
    // clock, and in whole milliseconds, it may be somewhat early.
    if (timer_ && timer_due_ <= now_milliseconds() + 1) timer_ = PyRef();
    turn_();
}

void AsyncioLoop::ask_for_turn() {
    if (std::exchange(turn_asked_, true)) return;
    PyObject* arguments[2] = {turn_callback_.get(), context_.get()};
    const PyRef handle =
        PyRef::steal(PyObject_Vectorcall(call_soon_.get(), arguments, 1, context_keyword_.get()));
    if (!handle) report(call_soon_.get());
}

void AsyncioLoop::wake_in(int milliseconds) {
    if (milliseconds < 0) return;
    const std::int64_t now = now_milliseconds();
    const std::int64_t due = now + milliseconds;
    // One that is armed for an earlier time makes a turn, which asks again.
    if (timer_ && timer_due_ <= due && timer_due_ >= now) return;
    if (timer_) cancel(timer_.get());
    const PyRef delay = PyRef::steal(PyFloat_FromDouble(milliseconds / 1000.0));
    PyObject* arguments[4] = {loop_.get(), delay.get(), turn_callback_.get(), context_.get()};
    timer_ = PyRef::steal(
        PyObject_VectorcallMethod(names_.call_later.get(), arguments, 3, context_keyword_.get()));
    timer_due_ = due;
    if (!timer_) report(loop_.get());
}

bool AsyncioLoop::watch(int descriptor) {
    const PyRef number = PyRef::steal(PyLong_FromLong(descriptor));
    if (!number) return false;
    const PyRef done = PyRef::steal(PyObject_CallMethodObjArgs(
        loop_.get(), names_.add_reader.get(), number.get(), turn_callback_.get(), nullptr));
    if (done) descriptor_ = descriptor;
    return static_cast<bool>(done);
}

void AsyncioLoop::unwatch() {
    if (descriptor_ < 0) return;
    const PyRef done = PyRef::steal(
        PyObject_CallMethod(loop_.get(), "remove_reader", "i", std::exchange(descriptor_, -1)));
    if (!done) report(loop_.get());
    if (timer_) cancel(timer_.get());
    timer_.reset();
}

void AsyncioLoop::stop() {
    const PyRef done =
        PyRef::steal(PyObject_CallMethodObjArgs(loop_.get(), names_.stop.get(), nullptr));
    if (!done) report(loop_.get());
}

// --- tasks

PyObject* AsyncioLoop::on_call_soon(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                                    PyObject* names) {
    AsyncioLoop& loop = *loop_of(self);
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "call_soon() needs a callback");
        return nullptr;
    }
    loop.first_step_ = PyRef::borrow(arguments[0]);
    const bool has_context = names != nullptr && PyTuple_GET_SIZE(names) == 1;
    loop.first_context_ = PyRef::borrow(has_context ? arguments[count] : nullptr);
    Py_RETURN_NONE;
}

bool AsyncioLoop::take_first_step() {
    const PyRef step = std::move(first_step_);
    const PyRef context = std::move(first_context_);
    if (!step) return true;
    const bool entered = context && context.get() != Py_None;
    if (entered && PyContext_Enter(context.get()) != 0) return false;
    const PyRef done = PyRef::steal(PyObject_CallNoArgs(step.get()));
    if (!done) report(step.get());
    return !entered || PyContext_Exit(context.get()) == 0;
}

PyRef AsyncioLoop::start_task(PyObject* coroutine) {
#if PY_VERSION_HEX >= 0x030C0000
    PyObject* arguments[3] = {coroutine, loop_.get(), Py_True};
    return PyRef::steal(PyObject_Vectorcall(task_type_.get(), arguments, 1, task_keywords_.get()));
#else
    return start_eagerly(coroutine);
#endif
}

#if PY_VERSION_HEX < 0x030C0000
// A new task asks its loop to call its first step soon. For this one, the loop that it asks notes
// what that is, and it is called now.
PyRef AsyncioLoop::start_eagerly(PyObject* coroutine) {
    PyObject* arguments[2] = {coroutine, loop_.get()};
    if (PyObject_SetAttr(loop_.get(), names_.call_soon.get(), capture_.get()) != 0) return {};
    PyRef task =
        PyRef::steal(PyObject_Vectorcall(task_type_.get(), arguments, 1, task_keywords_.get()));
    PyObject* const raised = task ? nullptr : take_raised();
    const int restored = PyObject_DelAttr(loop_.get(), names_.call_soon.get());
    if (raised != nullptr) set_raised(raised);
    if (!task || restored != 0 || !take_first_step()) return {};
    return task;
}
#endif

PyRef AsyncioLoop::make_future() {
    PyRef future = PyRef::steal(PyObject_CallNoArgs(create_future_.get()));
    if (!future || PyObject_SetAttr(future.get(), names_.future_blocking.get(), Py_True) != 0)
        return {};
    return future;
}

void AsyncioLoop::wake(PyObject* future) {
    const PyRef done = PyRef::steal(PyObject_CallMethodObjArgs(future, names_.done.get(), nullptr));
    if (!done) return report(future);
    if (done.get() == Py_True) return;  // cancelled
    const PyRef set =
        PyRef::steal(PyObject_CallMethodObjArgs(future, names_.set_result.get(), Py_None, nullptr));
    if (!set) report(future);
}

void AsyncioLoop::cancel(PyObject* what) {
    const PyRef done = PyRef::steal(PyObject_CallMethodObjArgs(what, names_.cancel.get(), nullptr));
    if (!done) report(what);
}

}  // namespace mew::python
