#pragma once
// Runs WSGI apps in greenlets (gevent = N): each exchange in one of its own, all on the loop's
// thread. A greenlet begins once the loop's turn is over: then nothing of the loop is on a stack
// that greenlets share.

#include <Python.h>

#include <memory>
#include <vector>

#include "http/exchange.h"
#include "python/greenlet_exchange.h"
#include "python/wsgi_bridge.h"

namespace mew::python {

class GreenletBridge final : public http::AppBridge {
public:
    // `application` may be null; `mounts` is a list of (prefix, app).
    GreenletBridge(PyObject* application, PyObject* mounts, const EnvironSettings& settings)
        : application_(PyRef::borrow(application)),
          mounts_(PyRef::borrow(mounts)),
          settings_(settings) {}

    // `module` is mewsgi._gevent; false with an exception set.
    bool prepare(PyObject* module);
    http::Ran run(http::Exchange& exchange) override;

private:
    struct Request;

    static PyObject* run_request(PyObject* capsule, PyObject* unused);
    static void drop_request(PyObject* capsule);
    WsgiBridge* take_bridge();

    PyRef application_;
    PyRef mounts_;
    EnvironSettings settings_;
    GreenletCalls calls_;
    // As many as requests ran at once: a bridge runs one at a time. None is destroyed: types of
    // theirs are the app's as well.
    std::vector<std::unique_ptr<WsgiBridge>> bridges_;
    std::vector<WsgiBridge*> free_;
};

}  // namespace mew::python
