#pragma once
// The asyncio loop of a worker (or uvloop's) as our native half uses it: it watches our epoll
// descriptor, runs our turns, and runs the tasks of requests. Needs the GIL, on the loop's thread.
//
// A task of ours takes its first step at once, not in the loop's next turn (what eager_start does
// since Python 3.12, and here for older ones): most requests need no second step. No task factory
// is asked, and tasks that the app makes start as asyncio starts them.

#include <Python.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "python/ref.h"

namespace mew::python {

class AsyncioLoop {
public:
    // `loop` is an asyncio loop that does not run yet. False with an exception set.
    bool prepare(PyObject* loop);

    // A turn of ours is due: `turn` is called soon, once however often this is.
    void ask_for_turn();
    void set_turn(std::function<void()> turn) { turn_ = std::move(turn); }
    // At the latest in `milliseconds` a turn is due; -1: whenever.
    void wake_in(int milliseconds);
    // Our descriptor is watched. False with an exception set.
    bool watch(int descriptor);
    void unwatch();
    void stop();

    // Runs `coroutine` as a task, its first step now. Null with an exception set: it did not begin.
    PyRef start_task(PyObject* coroutine);
    // A future that an awaitable of ours may give to its task. Null with an exception set.
    PyRef make_future();
    // Ends the wait for such a one; never raises.
    void wake(PyObject* future);
    // Cancels a task, or a timer; never raises.
    void cancel(PyObject* what);

private:
    static PyObject* on_turn(PyObject* self, PyObject* unused);
    static PyObject* on_call_soon(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                                  PyObject* names);
    static PyMethodDef turn_method;
    static PyMethodDef call_soon_method;

    PyRef start_eagerly(PyObject* coroutine);
    bool take_first_step();
    void run_turn();

    PyRef loop_;
    PyRef task_type_;
    PyRef create_future_;
    PyRef call_soon_;
    PyRef turn_callback_;
    PyRef timer_;  // the handle of call_later
    std::int64_t timer_due_ = 0;
    struct Names {
        PyRef add_reader, remove_reader, call_later, call_soon, cancel, done, set_result, stop,
            future_blocking;
    } names_;
    // In which turns are called, whoever asked for them: else the context of one request would be
    // where the next one begins.
    PyRef context_;
    PyRef context_keyword_;
    PyRef task_keywords_;  // the names of Task(coroutine, loop=, eager_start=)
    // Older Pythons: what a new task wanted to have called soon is its first step.
    PyRef capture_;
    PyRef first_step_;
    PyRef first_context_;
    std::function<void()> turn_;
    int descriptor_ = -1;
    bool turn_asked_ = false;
};

}  // namespace mew::python
