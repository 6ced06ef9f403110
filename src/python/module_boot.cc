// attach(): the zygote takes over what the master gave it, and shows Python the part that the
// loader and the `uwsgi` module need, as a dict.

#include <unistd.h>

#include <string>
#include <utility>
#include <variant>

#include "log/log.h"
#include "options/load.h"
#include "os/process.h"
#include "os/process_title.h"
#include "python/module.h"
#include "python/ref.h"
#include "python/role.h"
#include "python/text.h"

namespace mew::python {
namespace {

log::Level level_of(const std::string& name) {
    if (name == "debug") return log::Level::debug;
    if (name == "warning") return log::Level::warning;
    if (name == "error") return log::Level::error;
    return log::Level::info;
}

void open_log(const control::Boot& boot) {
    log::Settings settings;
    settings.fd = boot.log_fd;
    settings.json = boot.loaded.options.log_json;
    settings.colour = boot.log_colour;
    settings.level = level_of(boot.loaded.options.log_level);
    settings.role = "zygote";
    log::configure(std::move(settings));
}

// They had to survive one exec, ours; programs that the app starts get none of them.
base::Result<void> keep_descriptors_private(const control::Boot& boot) {
    std::vector<int> ours{boot.control_fd,       boot.board_fd, boot.handover_fd,
                          boot.handover_take_fd, boot.gate_fd,  boot.bell_fd};
    for (const net::ListenerInfo& listener : boot.listeners) {
        ours.push_back(listener.fd);
        ours.insert(ours.end(), listener.slot_fds.begin(), listener.slot_fds.end());
    }
    if (boot.log_fd > STDERR_FILENO) ours.push_back(boot.log_fd);
    for (const int fd : ours) {
        if (fd < 0) continue;
        base::Result<void> kept = os::set_inheritable(fd, false);
        if (!kept) return kept;
    }
    return {};
}

base::Result<void> take_over(int boot_fd) {
    base::Result<control::Boot> boot = control::read_boot(boot_fd);
    if (!boot) return std::move(boot).failure();
    ::close(boot_fd);
    Role& self = role();
    self.boot = *std::move(boot);
    open_log(self.boot);
    base::Result<void> kept = keep_descriptors_private(self.boot);
    if (!kept) return kept;
    base::Result<stats::Board> board = stats::Board::attach(self.boot.board_fd);
    if (!board) return std::move(board).failure();
    self.board = *std::move(board);  // has a descriptor of its own
    ::close(std::exchange(self.boot.board_fd, -1));
    base::Result<control::Gate> gate = control::Gate::attach(self.boot.gate_fd);
    if (!gate) return std::move(gate).failure();
    self.gate = *std::move(gate);
    ::close(std::exchange(self.boot.gate_fd, -1));
    self.control_fd = self.boot.control_fd;
    self.attached = true;
    // Now, because finding the room for titles moves the environment, which threads may read.
    if (self.boot.loaded.options.auto_procname) os::set_process_title("mewsgi zygote");
    tell_master(control::Kind::hello);
    return {};
}

PyObject* to_python(const std::vector<std::string>& list) {
    PyRef items = PyRef::steal(PyList_New(0));
    if (!items) return nullptr;
    for (const std::string& text : list) {
        const PyRef item = PyRef::steal(from_os(text));
        if (!item || PyList_Append(items.get(), item.get()) != 0) return nullptr;
    }
    return items.release();
}

PyObject* to_python(const options::Effective::Value& value) {
    struct Convert {
        PyObject* operator()(bool v) const { return PyBool_FromLong(v); }
        PyObject* operator()(std::int64_t v) const { return PyLong_FromLongLong(v); }
        PyObject* operator()(double v) const { return PyFloat_FromDouble(v); }
        PyObject* operator()(const std::string& v) const { return from_os(v); }
        PyObject* operator()(const std::vector<std::string>& v) const { return to_python(v); }
    };
    return std::visit(Convert{}, value);
}

// Puts a new reference (or an exception) under a key.
bool put(PyObject* dict, const char* key, PyObject* value) {
    const PyRef owned = PyRef::steal(value);
    return owned && PyDict_SetItemString(dict, key, owned.get()) == 0;
}

bool append(PyObject* list, PyObject* value) {
    const PyRef owned = PyRef::steal(value);
    return owned && PyList_Append(list, owned.get()) == 0;
}

PyObject* show_given(const control::Boot& boot) {
    PyRef all = PyRef::steal(PyList_New(0));
    if (!all) return nullptr;
    for (const options::Given& one : boot.loaded.given) {
        PyObject* const entry = Py_BuildValue(
            "(NNON)", from_os(one.name), from_os(one.value), one.bare ? Py_True : Py_False,
            from_os(one.written.empty() ? one.name : one.written));
        if (!append(all.get(), entry)) return nullptr;
    }
    return all.release();
}

PyObject* show_options(const control::Boot& boot) {
    PyRef all = PyRef::steal(PyDict_New());
    if (!all) return nullptr;
    for (const options::Effective& one : options::effective(boot.loaded.options)) {
        if (!put(all.get(), one.name.c_str(), to_python(one.value))) return nullptr;
    }
    return all.release();
}

PyObject* show_listeners(const control::Boot& boot) {
    PyRef all = PyRef::steal(PyList_New(0));
    if (!all) return nullptr;
    for (const net::ListenerInfo& listener : boot.listeners) {
        PyObject* const entry = Py_BuildValue("(iNN)", listener.fd, from_os(listener.option),
                                              from_os(listener.address));
        if (!append(all.get(), entry)) return nullptr;
    }
    return all.release();
}

PyObject* show_boot(const control::Boot& boot) {
    PyRef all = PyRef::steal(PyDict_New());
    if (!all) return nullptr;
    PyObject* const dict = all.get();
    const auto started = role().board.header().started_unix.load(std::memory_order_relaxed);
    const bool whole = put(dict, "given", show_given(boot)) &&
                       put(dict, "options", show_options(boot)) &&
                       put(dict, "listeners", show_listeners(boot)) &&
                       put(dict, "master_pid", PyLong_FromLong(boot.master_pid)) &&
                       put(dict, "generation", PyLong_FromUnsignedLong(boot.generation)) &&
                       put(dict, "started", PyLong_FromUnsignedLongLong(started)) &&
                       put(dict, "package_dir", from_os(boot.package_dir)) &&
                       put(dict, "interpreter_reason", from_os(boot.interpreter_reason));
    return whole ? all.release() : nullptr;
}

}  // namespace

PyObject* attach(PyObject*, PyObject* boot_fd) {
    const long fd = PyLong_AsLong(boot_fd);
    if (fd == -1 && PyErr_Occurred()) return nullptr;
    if (role().attached) {
        PyErr_SetString(PyExc_RuntimeError, "this process already belongs to a mewsgi server");
        return nullptr;
    }
    const base::Result<void> taken = take_over(static_cast<int>(fd));
    if (!taken) {
        PyErr_SetString(PyExc_RuntimeError, taken.error().text.c_str());
        return nullptr;
    }
    return show_boot(role().boot);
}

}  // namespace mew::python
