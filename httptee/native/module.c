/* The extension `httptee._speedups`. */

#include "parts.h"

#define SEE "See httptee.quick."

/* What the plain twin of this name in httptee.quick does. */
PyObject *
as_plain(const char *name, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *quick = PyImport_ImportModule("httptee.quick");
    PyObject *twin = quick == NULL ? NULL : PyObject_GetAttrString(quick, name);
    PyObject *all = twin == NULL ? NULL : PyTuple_New(count);
    for (Py_ssize_t each = 0; all != NULL && each < count; each++) {
        Py_INCREF(arguments[each]);
        if (PyTuple_SetItem(all, each, arguments[each]) < 0) {
            Py_CLEAR(all);
        }
    }
    PyObject *result = all == NULL ? NULL : PyObject_CallObject(twin, all);
    Py_XDECREF(all);
    Py_XDECREF(twin);
    Py_XDECREF(quick);
    return result;
}

static PyMethodDef functions[] = {
    {"frames", (PyCFunction)(void (*)(void))frames, METH_FASTCALL, SEE},
    {"add_one", (PyCFunction)(void (*)(void))add_one, METH_FASTCALL, SEE},
    {"rows", (PyCFunction)(void (*)(void))rows, METH_FASTCALL, SEE},
    {"pass_clean", (PyCFunction)(void (*)(void))pass_clean, METH_FASTCALL, SEE},
    {"send_now", (PyCFunction)(void (*)(void))send_now, METH_FASTCALL, SEE},
    {"receive_now", (PyCFunction)(void (*)(void))receive_now, METH_FASTCALL, SEE},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "httptee._speedups",
    .m_doc = SEE,
    .m_size = 0,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    fill_crc_table();
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddIntMacro(module, INTERFACE) < 0) {
        Py_CLEAR(module);
    }
    return module;
}
