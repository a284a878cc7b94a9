/* What the functions of the extension share: the parts of what they read and write, and their plain twins.

   The functions are the fast twins of those in quick.py, which say what is right. Each does the simple cases itself,
   and calls its plain twin for all others, also for those that are errors of the caller. None gives up the GIL or keeps
   an object. Only the stable ABI is used. */

#ifndef HTTPTEE_PARTS_H
#define HTTPTEE_PARTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define INTERFACE 4 /* as in quick.py */
#define LONGEST (64 * 1024 * 1024) /* bytes of one part */
#define ROW_SIZE 59                /* bytes of the numbers at the beginning of a row */
#define ROW_FORMAT 3

#pragma GCC visibility push(hidden) /* no other library gets, or gives, a function by these names */

typedef PyObject *Function(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

Function add_one, rows, pass_clean, frames, send_now, receive_now;

void fill_crc_table(void);
PyObject *as_plain(const char *name, PyObject *const *arguments, Py_ssize_t count);

#pragma GCC visibility pop

/* A part of what is read or written. */
typedef struct {
    const char *start;
    Py_ssize_t size;
} Part;

/* A number of up to 63 bits, as it stands in a row; 0 if it is none. */
static inline int
is_number(PyObject *object, uint64_t *number)
{
    if (!PyLong_Check(object)) { /* its conversion might run any code */
        return 0;
    }
    *number = (uint64_t)PyLong_AsLongLong(object);
    if (*number == UINT64_MAX && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return 1;
}

/* The bytes of an object of bytes; 0 if it is none. */
static inline int
is_bytes(PyObject *object, Part *part)
{
    if (!PyBytes_CheckExact(object)) {
        return 0;
    }
    part->start = PyBytes_AsString(object);
    part->size = PyBytes_Size(object);
    return part->size <= LONGEST;
}

static inline char *
put_number(char *place, uint64_t number, int bytes)
{
    while (bytes--) {
        *place++ = (char)(number & 0xff);
        number >>= 8;
    }
    return place;
}

static inline char *
put(char *place, Part part)
{
    memcpy(place, part.start, (size_t)part.size);
    return place + part.size;
}

#endif
