#pragma once
// What a worker needs to serve, however its app runs: descriptors and settings of its role, and a
// WSGI bridge for each core.

#include <Python.h>

#include <memory>
#include <vector>

#include "options/options.h"
#include "python/role.h"
#include "python/wsgi_bridge.h"
#include "worker/worker.h"

namespace mew::python {

worker::Wiring wiring_of(Role& own);
EnvironSettings environ_settings(const options::Options& options, const Role& own);

// They share nothing but the apps.
class Bridges {
public:
    // False with an exception set.
    bool prepare(PyObject* application, PyObject* mounts, const options::Options& options,
                 const Role& own);
    std::vector<http::AppBridge*> list() const;

private:
    std::vector<std::unique_ptr<WsgiBridge>> bridges_;
};

// OSError of what the worker could not do; null.
PyObject* raise(const base::Error& error);

}  // namespace mew::python
