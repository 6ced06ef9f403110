#include "python/asgi_call.h"

#include <algorithm>

#include "log/log.h"
#include "python/app_error.h"
#include "python/asgi_objects.h"
#include "python/compat.h"
#include "python/error_page.h"
#include "python/module_files.h"

namespace mew::python {

http::Ran AsgiCall::run(http::Exchange& exchange, PyObject* app, PyRef scope) {
    exchange_ = &exchange;
    number_ = host_.next_number();
    cancelled_ = false;
    in_run_ = true;
    const PyRef object = make_call_object(host_, *this);
    bool failed = !object;
    if (object) {
        object_ = object.get();
        host_.open.push_back(*this);
        coroutine_ = make_coroutine(app, scope.get());
        failed = !coroutine_;
        if (!failed) {
            exchange.events = this;
            exchange.ends_with_input = true;
            PyRef task = host_.loop.start_task(object.get());
            failed = !task && PyErr_Occurred() != nullptr;
            if (coroutine_) task_ = std::move(task);
        }
    }
    if (failed) (void)PyRef::steal(finish(true));
    in_run_ = false;
    look_for_imports();
    return exchange_ == nullptr ? http::Ran::done : http::Ran::goes_on;
}

PyRef AsgiCall::make_coroutine(PyObject* app, PyObject* scope) {
    const PyRef receive = make_receive(object_);
    const PyRef send = make_send(object_);
    if (!receive || !send) return {};
    PyObject* arguments[3] = {scope, receive.get(), send.get()};
    PyRef given = PyRef::steal(PyObject_Vectorcall(app, arguments, 3, nullptr));
    if (!given || PyCoro_CheckExact(given.get())) return given;
    const PyAsyncMethods* const methods = Py_TYPE(given.get())->tp_as_async;
    if (methods != nullptr && methods->am_await != nullptr)
        return PyRef::steal(methods->am_await(given.get()));
    PyErr_Format(PyExc_TypeError,
                 "the ASGI app gave %.100s, which cannot be awaited; if it is a WSGI app, say "
                 "asgi = off",
                 Py_TYPE(given.get())->tp_name);
    return {};
}

// --- the task's coroutine

PyObject* AsgiCall::step(PyObject* sent, bool& finished) {
    finished = false;
    if (!coroutine_) {
        PyErr_SetString(PyExc_RuntimeError, "the call of the app is over");
        return nullptr;
    }
    PyObject* given = nullptr;
#if PY_VERSION_HEX >= 0x030A0000
    switch (PyIter_Send(coroutine_.get(), sent, &given)) {
        case PYGEN_NEXT:
            return given;
        case PYGEN_RETURN:
            Py_XDECREF(given);
            finished = true;
            return finish(false);
        case PYGEN_ERROR:
            break;
    }
#else
    given = PyObject_CallMethodObjArgs(coroutine_.get(), host_.names.send.get(), sent, nullptr);
    if (given != nullptr) return given;
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
        PyErr_Clear();
        finished = true;
        return finish(false);
    }
#endif
    finished = true;
    return finish(true);
}

PyObject* AsgiCall::throw_in(PyObject* raised) {
    if (!coroutine_) {
        set_raised(Py_NewRef(raised));
        return nullptr;
    }
    PyObject* const given =
        PyObject_CallMethodObjArgs(coroutine_.get(), host_.names.throw_name.get(), raised, nullptr);
    if (given != nullptr) return given;
    const bool returned = PyErr_ExceptionMatches(PyExc_StopIteration) != 0;
    if (returned) PyErr_Clear();
    const PyRef none = PyRef::steal(finish(!returned));
    if (none) PyErr_SetNone(PyExc_StopIteration);
    return nullptr;
}

// The app has ended, `raised`: by the current exception, which is logged; what ends the process or
// cancels goes on to the task. None, or null with an exception set.
PyObject* AsgiCall::finish(bool raised) {
    PyObject* passed_on = nullptr;
    bool failed = raised;
    if (raised && PyErr_ExceptionMatches(host_.cancelled.get()) != 0) {
        passed_on = take_raised();
        if (!cancelled_ && exchange_ != nullptr) {
            log::error("app-cancelled", "{} {}: the app's task was cancelled before its answer",
                       exchange_->head.method(), exchange_->head.target());
        }
    } else if (raised) {
        failed = log_failure();
    }
    coroutine_.reset();
    on_app_end(raised);
    if (exchange_ != nullptr) {
        exchange_->app_failed = failed;
        release_exchange();
    }
    task_.reset();
    base::ListNode<OpenCallTag>::unlink();
    if (host_.on_closed) host_.on_closed();
    if (passed_on == nullptr) Py_RETURN_NONE;
    set_raised(passed_on);
    return nullptr;
}

// False: it was no fault of the app's, which did not mind that its client had left.
bool AsgiCall::log_failure() {
    if (PyErr_ExceptionMatches(host_.disconnected.get()) != 0) {
        PyErr_Clear();
        return false;
    }
    const PyRef error = PyRef::steal(take_raised());
    if (exchange_ == nullptr) {
        log_app_error(error.get(), method_, target_);
        return true;
    }
    log_app_error(error.get(), exchange_->head.method(), exchange_->head.target());
    if (shows_errors()) {
        const PyRef scope = host_.scopes.make_http(*exchange_, {});
        if (!scope) PyErr_Clear();
        (void)answer_with_error_page(exchange_->response, error.get(), scope.get());
    }
    return true;
}

void AsgiCall::cancel() {
    if (!coroutine_ || !task_) return;
    cancelled_ = true;
    const PyRef task = PyRef::borrow(task_.get());
    host_.loop.cancel(task.get());
}

void AsgiCall::release_exchange() {
    if (exchange_ == nullptr) return;
    if (coroutine_) note_request();
    if (!in_run_) exchange_->owner->on_exchange_over();
    exchange_->events = nullptr;
    exchange_ = nullptr;
}

void AsgiCall::note_request() {
    method_ = exchange_->head.method();
    target_ = exchange_->head.target();
}

// --- waiting

PyRef AsgiCall::make_waiter() {
    PyRef future = host_.loop.make_future();
    if (future) waiters_.push_back(PyRef::borrow(future.get()));
    return future;
}

void AsgiCall::forget_waiter(PyObject* future) {
    std::erase_if(waiters_, [future](const PyRef& one) { return one.get() == future; });
}

void AsgiCall::wake_waiters() {
    if (waiters_.empty()) return;
    std::vector<PyRef> waiters;
    waiters.swap(waiters_);
    for (const PyRef& waiter : waiters) host_.loop.wake(waiter.get());
    waiters.clear();
    if (waiters_.empty()) waiters_.swap(waiters);
}

void AsgiCall::retire() {
    base::ListNode<OpenCallTag>::unlink();
    if (coroutine_) {  // its loop is gone
        coroutine_.reset();
        on_app_end(true);
        release_exchange();
    }
    task_.reset();
    waiters_.clear();
    object_ = nullptr;
    recycle();
}

}  // namespace mew::python
