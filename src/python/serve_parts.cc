#include "python/serve_parts.h"

namespace mew::python {

EnvironSettings environ_settings(const options::Options& options, const Role& own) {
    EnvironSettings settings;
    settings.listeners = own.boot.listeners;
    settings.multithread = options.threads > 1 || options.gevent > 0;
    settings.multiprocess = options.processes > 1;
    settings.cores = options.threads;
    settings.manage_script_name = options.manage_script_name;
    settings.post_buffering = options.post_buffering;
    settings.version = MEW_VERSION;
    return settings;
}

bool Bridges::prepare(PyObject* application, PyObject* mounts, const options::Options& options,
                      const Role& own) {
    const EnvironSettings settings = environ_settings(options, own);
    for (int core = 0; core < options.threads; ++core) {
        bridges_.push_back(std::make_unique<WsgiBridge>(application));
        if (!bridges_.back()->prepare(settings, mounts)) return false;
    }
    return true;
}

std::vector<http::AppBridge*> Bridges::list() const {
    std::vector<http::AppBridge*> all;
    all.reserve(bridges_.size());
    for (const auto& bridge : bridges_) all.push_back(bridge.get());
    return all;
}

worker::Wiring wiring_of(Role& own) {
    worker::Wiring wiring;
    wiring.control_fd = own.control_fd;
    wiring.handover_fd = own.boot.handover_fd;
    wiring.handover_take_fd = own.boot.handover_take_fd;
    wiring.bell_fd = own.boot.loaded.options.thunder_lock ? own.boot.bell_fd : -1;
    wiring.gate = &own.gate;
    wiring.slot = own.slot;
    wiring.generation = own.boot.generation;
    return wiring;
}

PyObject* raise(const base::Error& error) {
    PyErr_SetString(PyExc_OSError, error.text.c_str());
    return nullptr;
}

}  // namespace mew::python
