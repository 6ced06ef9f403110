#include "python/greenlet_bridge.h"

#include "log/log.h"
#include "python/app_error.h"

namespace mew::python {
namespace {

constexpr const char* kCapsule = "mewsgi.request";

}  // namespace

struct GreenletBridge::Request {
    Request(GreenletBridge& the_bridge, http::Exchange& outer)
        : bridge(the_bridge), exchange(outer, the_bridge.calls_) {}

    GreenletBridge& bridge;
    GreenletExchange exchange;
};

bool GreenletBridge::prepare(PyObject* module) {
    // Now, since what is wrong with the mounts shall be told at the start.
    WsgiBridge* const first = calls_.find(module) ? take_bridge() : nullptr;
    if (first == nullptr) return false;
    free_.push_back(first);
    return true;
}

// Null with an exception set.
WsgiBridge* GreenletBridge::take_bridge() {
    if (!free_.empty()) {
        WsgiBridge* const bridge = free_.back();
        free_.pop_back();
        return bridge;
    }
    auto made = std::make_unique<WsgiBridge>(application_.get());
    if (!made->prepare(settings_, mounts_.get())) return nullptr;
    bridges_.push_back(std::move(made));
    return bridges_.back().get();
}

http::Ran GreenletBridge::run(http::Exchange& exchange) {
    static PyMethodDef definition = {"request", run_request, METH_NOARGS, nullptr};
    auto request = std::make_unique<Request>(*this, exchange);
    const PyRef capsule = PyRef::steal(PyCapsule_New(request.get(), kCapsule, drop_request));
    // From here on the capsule owns it, and an exchange that does not begin ends with a 500.
    if (capsule) {
        [[maybe_unused]] const Request* const owned = request.release();
    }
    const PyRef function =
        capsule ? PyRef::steal(PyCFunction_New(&definition, capsule.get())) : PyRef();
    const PyRef greenlet = function ? PyRef::steal(PyObject_CallFunctionObjArgs(
                                          calls_.spawn.get(), function.get(), nullptr))
                                    : PyRef();
    if (!greenlet) log::error("greenlet-not-made", "{}", take_traceback());
    return http::Ran::goes_on;
}

PyObject* GreenletBridge::run_request(PyObject* capsule, PyObject*) {
    auto* const request = static_cast<Request*>(PyCapsule_GetPointer(capsule, kCapsule));
    GreenletBridge& self = request->bridge;
    WsgiBridge* const bridge = self.take_bridge();
    if (bridge == nullptr) return nullptr;
    request->exchange.run(*bridge);
    self.free_.push_back(bridge);
    Py_RETURN_NONE;
}

void GreenletBridge::drop_request(PyObject* capsule) {
    delete static_cast<Request*>(PyCapsule_GetPointer(capsule, kCapsule));
}

}  // namespace mew::python
