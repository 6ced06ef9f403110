#pragma once
// Several apps in one worker, by `mount`: chooses the one that a request is for. A part of the
// bridge, so each core has its own; needs the GIL.
//
// HTTP sockets, and gateways with manage-script-name, go by the path, and the app sees the prefix
// as SCRIPT_NAME and the rest as PATH_INFO. Else the web server's own SCRIPT_NAME chooses.

#include <Python.h>

#include <string>
#include <string_view>
#include <vector>

#include "client/refusal_log.h"
#include "http/exchange.h"
#include "net/listener.h"
#include "python/mounts.h"
#include "python/ref.h"

namespace mew::python {

class MountedApps {
public:
    struct Choice {
        PyObject* app = nullptr;  // borrowed; null although found: it did not load
        bool found = false;
        std::string_view prefix;  // to be taken from the path; empty: the path stays whole
    };

    // `pairs`: a list of (prefix, callable or None). False with a Python exception set.
    bool take(PyObject* pairs);
    void set_listeners(const std::vector<net::ListenerInfo>& listeners, bool manage_script_name);
    bool empty() const { return apps_.empty(); }

    // Nothing found: that has been logged, and the client must be told.
    Choice choose(const http::Exchange& exchange);

private:
    void log_unmounted(const http::Exchange& exchange, bool by_path);

    Mounts mounts_;
    std::vector<PyRef> apps_;    // by index of mounts_
    std::vector<bool> by_path_;  // by listener
    client::RefusalLog refusal_log_;
    std::string scratch_;
};

}  // namespace mew::python
