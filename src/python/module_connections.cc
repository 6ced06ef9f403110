#include "python/connections.h"
#include "python/module.h"
#include "python/ref.h"
#include "python/text.h"

namespace mew::python {

PyObject* open_connections(PyObject*, PyObject*) {
    PyRef all = PyRef::steal(PyList_New(0));
    if (!all) return nullptr;
    for (const Connection& one : list_connections()) {
        const PyRef entry = PyRef::steal(Py_BuildValue("(iN)", one.fd, from_os(one.peer)));
        if (!entry || PyList_Append(all.get(), entry.get()) != 0) return nullptr;
    }
    return all.release();
}

}  // namespace mew::python
