/* System calls that cannot block, made without giving up the GIL: the fast twin of the functions in quick.py.

   Python gives up the GIL around each call on a socket. Another thread then takes it, and the caller waits for it
   again, up to 5 ms, although a send or a receive that cannot block is over after some microseconds.

   A descriptor is read from its object while the GIL is held, and it is used before the GIL is given up. Python marks
   an object as closed before it gives up the GIL for the close. So no call here uses a descriptor that was closed.

   Only the stable ABI is used. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LONGEST_SEND 16384 /* bytes; more are copied for so long that other threads are to run meanwhile */
#define LONGEST_RECEIVE 65536
#define MOST_EVENTS 64

static PyObject *plain_socket, *plain_epoll; /* the classes socket.socket and select.epoll */
static PyObject *name_fileno, *name_send, *name_recv, *flags;
static char buffer[LONGEST_RECEIVE]; /* guarded by the GIL */

/* The descriptor of a socket or an epoll set, or -1 with an error set. A closed socket is an OSError, as in Python. */
static int
descriptor_of(PyObject *object)
{
    PyObject *number = PyObject_CallMethodObjArgs(object, name_fileno, NULL);
    if (number == NULL) {
        return -1;
    }
    long descriptor = PyLong_AsLong(number);
    Py_DECREF(number);
    if (descriptor < 0 && !PyErr_Occurred()) {
        errno = EBADF;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return descriptor < 0 ? -1 : (int)descriptor;
}

static int
has_arguments(Py_ssize_t count, const char *name)
{
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "%s() takes 2 arguments, %zd given", name, count);
    }
    return count == 2;
}

PyDoc_STRVAR(send_doc, "send_now(sock, data, /)\n--\n\nSee httptee.quick.");

static PyObject *
send_now(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (!has_arguments(count, "send_now")) {
        return NULL;
    }
    PyObject *sock = arguments[0], *data = arguments[1];
    if ((PyObject *)Py_TYPE(sock) != plain_socket) {
        return PyObject_CallMethodObjArgs(sock, name_send, data, NULL);
    }
    if (!PyBytes_CheckExact(data) || PyBytes_Size(data) > LONGEST_SEND) {
        return PyObject_CallMethodObjArgs(sock, name_send, data, flags, NULL);
    }
    int descriptor = descriptor_of(sock);
    if (descriptor < 0) {
        return NULL;
    }
    ssize_t sent;
    do {
        sent = send(descriptor, PyBytes_AsString(data), (size_t)PyBytes_Size(data), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromSsize_t(sent);
}

PyDoc_STRVAR(receive_doc, "receive_now(sock, size, /)\n--\n\nSee httptee.quick.");

static PyObject *
receive_now(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (!has_arguments(count, "receive_now")) {
        return NULL;
    }
    PyObject *sock = arguments[0];
    if ((PyObject *)Py_TYPE(sock) != plain_socket) {
        return PyObject_CallMethodObjArgs(sock, name_recv, arguments[1], NULL);
    }
    Py_ssize_t size = PyLong_AsSsize_t(arguments[1]);
    if (size == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (size < 1 || size > LONGEST_RECEIVE) {
        return PyObject_CallMethodObjArgs(sock, name_recv, arguments[1], flags, NULL);
    }
    int descriptor = descriptor_of(sock);
    if (descriptor < 0) {
        return NULL;
    }
    ssize_t received;
    do {
        received = recv(descriptor, buffer, (size_t)size, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    return received < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyBytes_FromStringAndSize(buffer, received);
}

PyDoc_STRVAR(ready_doc, "ready_now(readable, most, /)\n--\n\nSee httptee.quick.");

static PyObject *
ready_now(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (!has_arguments(count, "ready_now")) {
        return NULL;
    }
    Py_ssize_t most = PyLong_AsSsize_t(arguments[1]);
    if (most == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if ((PyObject *)Py_TYPE(arguments[0]) != plain_epoll || most < 1) {
        return PyList_New(0);
    }
    int descriptor = descriptor_of(arguments[0]);
    if (descriptor < 0) {
        return NULL;
    }
    struct epoll_event events[MOST_EVENTS];
    int found;
    do {
        found = epoll_wait(descriptor, events, most < MOST_EVENTS ? (int)most : MOST_EVENTS, 0);
    } while (found < 0 && errno == EINTR);
    if (found < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *list = PyList_New(found);
    for (int each = 0; list != NULL && each < found; each++) {
        PyObject *pair = Py_BuildValue("(iI)", events[each].data.fd, (unsigned int)events[each].events);
        if (pair == NULL || PyList_SetItem(list, each, pair) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyMethodDef functions[] = {
    {"send_now", (PyCFunction)(void (*)(void))send_now, METH_FASTCALL, send_doc},
    {"receive_now", (PyCFunction)(void (*)(void))receive_now, METH_FASTCALL, receive_doc},
    {"ready_now", (PyCFunction)(void (*)(void))ready_now, METH_FASTCALL, ready_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "httptee._speedups",
    .m_doc = "See httptee.quick.",
    .m_size = -1,
    .m_methods = functions,
};

/* The attribute of a module, or NULL with an error set. */
static PyObject *
attribute(const char *module, const char *name)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *found = imported == NULL ? NULL : PyObject_GetAttrString(imported, name);
    Py_XDECREF(imported);
    return found;
}

PyMODINIT_FUNC
PyInit__speedups(void)
{
    plain_socket = attribute("socket", "socket");
    plain_epoll = plain_socket == NULL ? NULL : attribute("select", "epoll");
    if (plain_epoll == NULL) {
        return NULL;
    }
    name_fileno = PyUnicode_InternFromString("fileno");
    name_send = PyUnicode_InternFromString("send");
    name_recv = PyUnicode_InternFromString("recv");
    flags = PyLong_FromLong(MSG_DONTWAIT);
    if (name_fileno == NULL || name_send == NULL || name_recv == NULL || flags == NULL) {
        return NULL;
    }
    return PyModule_Create(&definition);
}
