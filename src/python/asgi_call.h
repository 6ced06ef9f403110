#pragma once
// One call of an ASGI app: app(scope, receive, send), run by a task. The task's coroutine is ours
// and drives the app's, so that the end of the app is known at once and costs no callback.
//
// Python holds it by an object (`object()`), which receive, send and the task refer to; the
// exchange is let go as soon as the answer is complete, however long the app goes on.
//
// receive() and send() give awaitables that are coroutines too (an app may make tasks of them).
// Where there is nothing to wait for, awaiting one does not suspend.

#include <Python.h>

#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "http/exchange.h"
#include "python/asgi_host.h"

namespace mew::python {

class AsgiCall : public http::ExchangeEvents, public base::ListNode<OpenCallTag> {
public:
    explicit AsgiCall(AsgiHost& host) : host_(host) {}
    AsgiCall(const AsgiCall&) = delete;
    AsgiCall& operator=(const AsgiCall&) = delete;
    AsgiCall(AsgiCall&&) = delete;
    AsgiCall& operator=(AsgiCall&&) = delete;
    virtual ~AsgiCall() = default;

    // Calls `app` and runs what it gives as far as it gets.
    http::Ran run(http::Exchange& exchange, PyObject* app, PyRef scope);

    // --- for the Python objects
    // The next event of receive(). Null without an exception: there is none yet.
    virtual PyRef next_event() = 0;
    // A message of send(). False with an exception set.
    virtual bool take_message(PyObject* message) = 0;
    // Must the app wait before it sends more?
    virtual bool must_wait() = 0;
    // A future that is woken by whatever happens. Null with an exception set.
    PyRef make_waiter();
    void forget_waiter(PyObject* future);
    // One step of the app's coroutine: what it gives, or null with an exception set.
    PyObject* step(PyObject* sent, bool& finished);
    PyObject* throw_in(PyObject* raised);
    PyObject* coroutine() const { return coroutine_.get(); }
    AsgiHost& host() { return host_; }
    // Its Python object is gone.
    void retire();

    // The task is cancelled, if the app still runs.
    void cancel();
    // The worker retires, and its patience is over: the answer comes to its end, as far as it has
    // one, and for the app the client is gone.
    virtual void run_out_of_time() = 0;
    // Never the same one twice in a process.
    std::uint64_t number() const { return number_; }

protected:
    // The app's coroutine has ended: its answer is completed, or failed. Without an exception.
    virtual void on_app_end(bool raised) = 0;
    // Its memory may be used again. Otherwise: delete.
    virtual void recycle() = 0;

    http::Exchange* exchange() { return exchange_; }
    // The answer is complete, or none is possible: the exchange is given back.
    void release_exchange();
    void wake_waiters();

    AsgiHost& host_;

private:
    PyRef make_coroutine(PyObject* app, PyObject* scope);
    void note_request();
    PyObject* finish(bool raised);
    bool log_failure();

    std::uint64_t number_ = 0;
    http::Exchange* exchange_ = nullptr;
    PyObject* object_ = nullptr;  // borrowed: it owns this
    PyRef coroutine_;             // the app's, while it runs
    PyRef task_;
    std::vector<PyRef> waiters_;
    std::string method_;  // for the log
    std::string target_;
    bool in_run_ = false;
    bool cancelled_ = false;  // by us
};

}  // namespace mew::python
