// Entry point of the extension module mewsgi._mewsgi, loaded by the zygote's python. The only
// symbol that it exports.
#include "python/module.h"

// NOLINTNEXTLINE: the name that CPython looks for
PyMODINIT_FUNC PyInit__mewsgi() { return PyModuleDef_Init(mew::python::module_definition()); }
