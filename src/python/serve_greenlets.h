#pragma once
// A worker with gevent = N: gevent's hub is the loop that waits, and the worker's own is one of the
// things that it watches. The rest of it is python/mewsgi/_gevent.py.

#include <Python.h>

#include "client/settings.h"
#include "options/options.h"
#include "python/wsgi_environ.h"
#include "worker/worker.h"

namespace mew::python {

struct GreenletService {
    PyObject* application;  // null: none
    PyObject* mounts;
    const options::Options& options;
    EnvironSettings environ;
    client::Settings settings;
    stats::Slot& slot;
    worker::Wiring wiring;
};

// From ready to retired; the exit status, or null with an exception set.
PyObject* serve_greenlets(const GreenletService& service);

}  // namespace mew::python
