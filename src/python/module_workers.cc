// The board as `uwsgi` shows it: keys, units and types are uWSGI's, so that monitoring code of old
// apps goes on to work.

#include <unistd.h>

#include <cstdio>
#include <string>

#include "os/proc.h"
#include "python/module.h"
#include "python/ref.h"
#include "python/role.h"

namespace mew::python {
namespace {

std::uint64_t read(const stats::Counter& counter) {
    return counter.load(std::memory_order_relaxed);
}

const char* status_of(const stats::Slot& slot) {
    if (slot.state.load(std::memory_order_relaxed) == stats::WorkerState::absent) return "cheap";
    return read(slot.request_started_us) != 0 ? "busy" : "idle";
}

struct Memory {
    unsigned long long rss = 0;
    unsigned long long vsz = 0;
};

Memory memory_of(std::uint64_t pid) {
    Memory memory;
    if (pid == 0) return memory;
    const auto text = os::read_small_file("/proc/" + std::to_string(pid) + "/statm");
    unsigned long long size = 0;
    unsigned long long resident = 0;
    if (!text || std::sscanf(text->c_str(), "%llu %llu", &size, &resident) != 2) return memory;
    const auto page = static_cast<unsigned long long>(::sysconf(_SC_PAGESIZE));
    return {resident * page, size * page};
}

PyObject* show(std::uint32_t id, stats::Board& board) {
    const stats::Slot& slot = board.newest(id);
    const auto total = [&](stats::Counter stats::Slot::*counter) {
        return board.total(id, counter);
    };
    const std::uint64_t pid = read(slot.pid);
    const std::uint64_t incarnation = read(slot.incarnation);
    const Memory memory = memory_of(pid);
    return Py_BuildValue(
        "{s:I,s:K,s:K,s:K,s:i,s:K,s:y,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:()}",          //
        "id", id, "pid", pid, "requests", total(&stats::Slot::requests),           //
        "delta_requests", total(&stats::Slot::requests), "signals", 0,             //
        "exceptions", total(&stats::Slot::exceptions), "status", status_of(slot),  //
        "rss", memory.rss, "vsz", memory.vsz, "running_time",
        total(&stats::Slot::running_us),                          //
        "last_spawn", read(slot.last_spawn_unix),                 //
        "respawn_count", incarnation == 0 ? 0 : incarnation - 1,  //
        "tx", total(&stats::Slot::tx_bytes), "avg_rt", read(slot.average_us), "apps");
}

}  // namespace

PyObject* worker_id(PyObject*, PyObject*) { return PyLong_FromUnsignedLong(role().slot); }

PyObject* request_id(PyObject*, PyObject*) {
    Role& self = role();
    if (!self.is_worker()) return PyLong_FromLong(0);
    return PyLong_FromUnsignedLongLong(self.board.total(self.slot, &stats::Slot::requests));
}

PyObject* total_requests(PyObject*, PyObject*) {
    stats::Board& board = role().board;
    std::uint64_t sum = 0;
    for (std::uint32_t id = 1; id <= board.slots(); ++id)
        sum += board.total(id, &stats::Slot::requests);
    return PyLong_FromUnsignedLongLong(sum);
}

PyObject* workers(PyObject*, PyObject*) {
    stats::Board& board = role().board;
    PyRef all = PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(board.slots())));
    if (!all) return nullptr;
    for (std::uint32_t id = 1; id <= board.slots(); ++id) {
        PyObject* const one = show(id, board);
        if (one == nullptr) return nullptr;
        PyTuple_SET_ITEM(all.get(), static_cast<Py_ssize_t>(id) - 1, one);
    }
    return all.release();
}

}  // namespace mew::python
