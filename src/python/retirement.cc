#include "python/retirement.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>

#include "websocket/codec.h"

namespace mew::python {
namespace {

// Made when it is first asked for, and open to the end of the process.
std::atomic<int> descriptor{-1};
std::atomic<int> code{0};

// Whichever comes second, the descriptor or the announcement, finds the other.
void signal_if_both() {
    const int fd = descriptor.load();
    if (fd >= 0 && code.load() != 0) (void)::eventfd_write(fd, 1);
}

bool make_descriptor() {
    if (descriptor.load() >= 0) return true;
    const int made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0) return false;
    int none = -1;
    if (!descriptor.compare_exchange_strong(none, made)) ::close(made);
    signal_if_both();
    return true;
}

}  // namespace

void announce_retirement(bool stops) {
    code.store(stops ? websocket::close_code::kGoingAway : websocket::close_code::kServiceRestart);
    signal_if_both();
}

void announce_retirement_of(worker::Worker& worker) {
    worker.on_retire(
        [&worker] { announce_retirement(worker.context().is(worker::Phase::stopping)); });
}

PyObject* retirement(PyObject*, PyObject*) {
    if (!make_descriptor()) return PyErr_SetFromErrno(PyExc_OSError);
    return Py_BuildValue("ii", descriptor.load(), code.load());
}

}  // namespace mew::python
