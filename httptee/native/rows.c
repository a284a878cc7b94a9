/* `rows`: recorded exchanges as bytes, and `add_one`: how many there were. */

#include "parts.h"

#define ROWS_ARGUMENTS 3
#define MOST_ROWS 64
#define NUMBERS 5
#define PARTS 4 /* the heads of the answer and of the request, and the bodies of the request and of the answer */

/* What is in a row, or in `parts[0]` a row that is made. */
typedef struct {
    uint64_t numbers[NUMBERS];
    Part client, parts[PARTS];
    int made, trimmed; /* trimmed: the end of the request's head is left out, and an empty line is in its place */
} Row;

/* The bytes of a text of ASCII; 0 if it is none. */
static int
is_ascii(PyObject *text, Part *part)
{
    if (!PyUnicode_CheckExact(text)) {
        return 0;
    }
    part->start = PyUnicode_AsUTF8AndSize(text, &part->size);
    if (part->start == NULL) {
        PyErr_Clear();
        return 0;
    }
    return part->size <= 0xffff && part->size == PyUnicode_GetLength(text);
}

/* Reads an item; 0 if it is no simple case. */
static int
is_item(PyObject *item, uint64_t base, Part own, Row *row)
{
    row->made = is_bytes(item, &row->parts[0]);
    if (row->made) {
        return 1;
    }
    PyObject *place = PyTuple_CheckExact(item) && PyTuple_Size(item) == 9 ? PyTuple_GetItem(item, 2) : NULL;
    if (place == NULL || !PyTuple_CheckExact(place) || PyTuple_Size(place) != 2 ||
        !is_number(PyTuple_GetItem(item, 0), &row->numbers[0]) ||
        !is_number(PyTuple_GetItem(item, 1), &row->numbers[1]) ||
        !is_number(PyTuple_GetItem(place, 0), &row->numbers[2]) ||
        !is_number(PyTuple_GetItem(place, 1), &row->numbers[3]) ||
        !is_number(PyTuple_GetItem(item, 3), &row->numbers[4]) || !is_ascii(PyTuple_GetItem(item, 4), &row->client)) {
        return 0;
    }
    row->numbers[2] += base;
    for (int each = 0; each < PARTS; each++) {
        if (!is_bytes(PyTuple_GetItem(item, 5 + each), &row->parts[each])) {
            return 0;
        }
    }
    Part *head = &row->parts[1];
    Py_ssize_t left = head->size - own.size;
    row->trimmed = own.size > 0 && left >= 0 && memcmp(head->start + left, own.start, (size_t)own.size) == 0;
    head->size = row->trimmed ? left : head->size;
    return row->numbers[2] >> 63 == 0;
}

static Py_ssize_t
size_of(const Row *row)
{
    Py_ssize_t size = row->made ? 0 : ROW_SIZE + row->client.size + 4 * row->trimmed;
    for (int each = 0; each < (row->made ? 1 : PARTS); each++) {
        size += row->parts[each].size;
    }
    return size;
}

static char *
put_row(char *place, const Row *row)
{
    if (row->made) {
        return put(place, row->parts[0]);
    }
    place = put_number(place, ROW_FORMAT, 1);
    for (int each = 0; each < NUMBERS; each++) {
        place = put_number(place, row->numbers[each], 8);
    }
    place = put_number(place, (uint64_t)row->client.size, 2);
    for (int each = 0; each < PARTS; each++) {
        place = put_number(place, (uint64_t)row->parts[each].size + (each == 1 ? 4U * (unsigned)row->trimmed : 0), 4);
    }
    place = put(put(put(place, row->client), row->parts[0]), row->parts[1]);
    memcpy(place, "\r\n\r\n", 4 * (size_t)row->trimmed);
    return put(put(place + 4 * row->trimmed, row->parts[2]), row->parts[3]);
}

PyObject *
rows(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    Row read[MOST_ROWS];
    Part own;
    uint64_t base;
    Py_ssize_t size = 0, items = -1;
    if (count == ROWS_ARGUMENTS && PyList_CheckExact(arguments[0]) && is_number(arguments[1], &base) &&
        base >> 62 == 0 && is_bytes(arguments[2], &own)) {
        items = PyList_Size(arguments[0]);
    }
    if (items > MOST_ROWS) {
        items = -1;
    }
    for (Py_ssize_t each = 0; each < items; each++) {
        if (is_item(PyList_GetItem(arguments[0], each), base, own, &read[each])) {
            size += size_of(&read[each]);
        } else {
            items = -1;
        }
    }
    if (items < 0 || size > LONGEST) {
        return as_plain("_rows", arguments, count);
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, size);
    char *place = made == NULL ? NULL : PyBytes_AsString(made);
    for (Py_ssize_t each = 0; made != NULL && each < items; each++) {
        place = put_row(place, &read[each]);
    }
    return made;
}

/* The GIL is held from the reading of the number to its writing. */
PyObject *
add_one(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    PyObject *old = count == 2 && PyMemoryView_Check(arguments[0]) ? PyObject_GetItem(arguments[0], arguments[1]) : NULL;
    uint64_t number;
    if (old == NULL || !is_number(old, &number) || number >> 62 != 0) {
        PyErr_Clear();
        Py_XDECREF(old);
        return as_plain("_add_one", arguments, count);
    }
    PyObject *new = PyLong_FromUnsignedLongLong(number + 1);
    int failed = new == NULL || PyObject_SetItem(arguments[0], arguments[1], new) < 0;
    Py_XDECREF(new);
    Py_DECREF(old);
    return failed ? NULL : Py_NewRef(Py_None);
}
