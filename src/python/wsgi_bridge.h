#pragma once
// Runs a WSGI app (PEP 3333) on exchanges, one at a time: each core of a worker has a bridge of its
// own. Needs the GIL in run().

#include <Python.h>

#include <memory>
#include <vector>

#include "http/exchange.h"
#include "python/mounted_apps.h"
#include "python/ref.h"
#include "python/wsgi_environ.h"
#include "python/wsgi_file_wrapper.h"
#include "python/wsgi_input.h"
#include "python/wsgi_response.h"

namespace mew::python {

class WsgiBridge final : public http::AppBridge {
public:
    // `application` may be null: no app was loaded (need-app = false), every request gets a 500.
    explicit WsgiBridge(PyObject* application);
    ~WsgiBridge() override;
    WsgiBridge(const WsgiBridge&) = delete;
    WsgiBridge(WsgiBridge&&) = delete;
    WsgiBridge& operator=(const WsgiBridge&) = delete;
    WsgiBridge& operator=(WsgiBridge&&) = delete;

    // `mounts` is a list of (prefix, app); if not empty, it takes the application's place. False
    // with a Python exception set.
    bool prepare(const EnvironSettings& settings, PyObject* mounts);
    http::Ran run(http::Exchange& exchange) override;

private:
    struct Call;  // one run of the app
    struct Place;

    void answer(http::Exchange& exchange);
    bool call_app(Call& call);
    bool offer_hints(PyObject* environ, const http::Exchange& exchange, PyObject* start_response);
    bool send_result(Call& call, PyObject* result);
    bool send_sequence(Call& call, PyObject* sequence);
    bool send_pieces(Call& call, PyObject* iterable);
    bool send_wrapped_file(Call& call, PyObject* wrapper, bool& handled);
    bool send_end(Call& call);
    void close_result(PyObject* result);
    void on_failure(Call& call);

    // Not on the stack: the app's objects point to it, and a greenlet's stack is moved.
    std::unique_ptr<Place> place_;
    PyRef application_;
    MountedApps mounted_;  // empty: there is the one application
    Environ environ_;
    InputType input_type_;
    FileWrapperType file_wrapper_type_;
    StartResponseType start_response_type_;
    PyRef close_name_;
    PyRef early_hints_name_;
    // Used again by each exchange for their memory.
    http::ResponseHead head_;
    std::vector<PyRef> keep_;
};

}  // namespace mew::python
