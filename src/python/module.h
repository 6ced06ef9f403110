#pragma once
// The extension module mewsgi._mewsgi: what Python code of ours may ask of the native half. Its
// Python face is typed in python/mewsgi/_mewsgi.pyi; the table of functions is in module_table.cc.
// All functions here are called with the GIL held and follow the C API's conventions.

#include <Python.h>

namespace mew::python {

PyModuleDef* module_definition();

// module_boot.cc: once, in the zygote.
PyObject* attach(PyObject* module, PyObject* boot_fd);

// module_process.cc
PyObject* log_event(PyObject* module, PyObject* args);
PyObject* set_role(PyObject* module, PyObject* name);
PyObject* set_title(PyObject* module, PyObject* title);
PyObject* zygote_ready(PyObject* module, PyObject* about);
PyObject* zygote_failed(PyObject* module, PyObject* args);
PyObject* worker_failed(PyObject* module, PyObject* args);
PyObject* wait_for_spawn_order(PyObject* module, PyObject* unused);
PyObject* limit_exit(PyObject* module, PyObject* args);
PyObject* set_exit_step(PyObject* module, PyObject* step);
PyObject* leave_process(PyObject* module, PyObject* status);
PyObject* request_reload(PyObject* module, PyObject* unused);
PyObject* request_stop(PyObject* module, PyObject* unused);

// module_workers.cc: from shared memory.
PyObject* worker_id(PyObject* module, PyObject* unused);
PyObject* request_id(PyObject* module, PyObject* unused);
PyObject* total_requests(PyObject* module, PyObject* unused);
PyObject* workers(PyObject* module, PyObject* unused);

// app_forks.cc: around each fork by the app.
PyObject* before_fork(PyObject* module, PyObject* unused);
PyObject* after_fork(PyObject* module, PyObject* unused);

// module_files.cc: py-autoreload.
PyObject* watch_modules(PyObject* module, PyObject* look);
PyObject* tell_files(PyObject* module, PyObject* list);

// module_task.cc
PyObject* task_begin(PyObject* module, PyObject* unused);
PyObject* task_ended(PyObject* module, PyObject* args);
PyObject* task_stopping(PyObject* module, PyObject* unused);
PyObject* task_begin_stop(PyObject* module, PyObject* unused);
PyObject* task_wait_for_stop(PyObject* module, PyObject* seconds);

// module_connections.cc
PyObject* open_connections(PyObject* module, PyObject* unused);

}  // namespace mew::python
