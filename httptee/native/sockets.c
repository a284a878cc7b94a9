/* `send_now` and `receive_now`: calls that cannot block, so that they keep the GIL.

   The socket is asked for its descriptor each time, and no other thread runs from there to the call. A socket that was
   closed has none, and the number that it had may be that of another. */

#include "parts.h"

#include <errno.h>
#include <sys/socket.h>

#define RECEIVED (64 * 1024) /* bytes: to copy more would take too long */
#define SENT (256 * 1024)

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

PyObject *
send_now(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    Part data;
    if (count != 2 || PyLong_Check(arguments[0]) || !is_bytes(arguments[1], &data) || data.size > SENT) {
        return as_plain("_send_now", arguments, count);
    }
    int descriptor = PyObject_AsFileDescriptor(arguments[0]);
    ssize_t sent;
    if (descriptor < 0) {
        PyErr_Clear();
        return as_plain("_send_now", arguments, count);
    }
    do {
        sent = send(descriptor, data.start, (size_t)data.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromSsize_t(sent);
}

PyObject *
receive_now(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    static char buffer[RECEIVED]; /* whoever has the GIL */
    (void)module;
    int simple = count == 2 && !PyLong_Check(arguments[0]) && PyLong_Check(arguments[1]);
    Py_ssize_t most = simple ? PyLong_AsSsize_t(arguments[1]) : -1;
    if (most < 0 || most > RECEIVED) {
        PyErr_Clear();
        return as_plain("_receive_now", arguments, count);
    }
    int descriptor = PyObject_AsFileDescriptor(arguments[0]);
    ssize_t received;
    if (descriptor < 0) {
        PyErr_Clear();
        return as_plain("_receive_now", arguments, count);
    }
    do {
        received = recv(descriptor, buffer, (size_t)most, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    return received < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyBytes_FromStringAndSize(buffer, received);
}
