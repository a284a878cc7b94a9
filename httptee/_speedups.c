/* The fast twins of the functions in quick.py, which say what is right. A function here does the simple cases itself,
   and calls its plain twin for all others, also for those that are errors.

   Nothing here gives up the GIL or keeps an object. Only the stable ABI is used. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define ROW_ARGUMENTS 13
#define ROW_SIZE 59 /* bytes of the numbers at the beginning of a row */
#define ROW_FORMAT 2
#define SIZES 41 /* where the sizes of its parts stand in it */
#define OPENS "{[ \t\r\n\xef" /* 7 bytes */
#define MOST_FIELDS 64
#define SEE "See httptee.quick."
#define LONGEST (64 * 1024 * 1024) /* bytes of one part of a row */

/* A part of a row. */
typedef struct {
    const char *start;
    Py_ssize_t size;
} Part;

/* The bytes of a text of ASCII without LF; 0 if it is none. */
static int
is_line(PyObject *text, Part *part)
{
    if (!PyUnicode_CheckExact(text)) {
        return 0;
    }
    part->start = PyUnicode_AsUTF8AndSize(text, &part->size);
    if (part->start == NULL) {
        PyErr_Clear();
        return 0;
    }
    return part->size <= LONGEST && part->size == PyUnicode_GetLength(text) &&
           memchr(part->start, '\n', (size_t)part->size) == NULL;
}

/* The bytes of an object of bytes; 0 if it is none. */
static int
is_bytes(PyObject *object, Part *part)
{
    if (!PyBytes_CheckExact(object)) {
        return 0;
    }
    part->start = PyBytes_AsString(object);
    part->size = PyBytes_Size(object);
    return part->size <= LONGEST;
}

/* The names and the values of a list of header fields, into `lines`: how many there are, or -1 if one is not simple. */
static Py_ssize_t
lines_of(PyObject *fields, Part *lines, Py_ssize_t *size)
{
    if (!PyList_CheckExact(fields) || PyList_Size(fields) > MOST_FIELDS) {
        return -1;
    }
    Py_ssize_t count = 2 * PyList_Size(fields);
    for (Py_ssize_t each = 0; each < count; each++) {
        PyObject *pair = PyList_GetItem(fields, each / 2);
        if (!PyTuple_CheckExact(pair) || PyTuple_Size(pair) != 2 ||
            !is_line(PyTuple_GetItem(pair, each % 2), &lines[each])) {
            return -1;
        }
        *size += 1 + lines[each].size;
    }
    return count;
}

static char *
put_number(char *place, uint64_t number, int bytes)
{
    while (bytes--) {
        *place++ = (char)(number & 0xff);
        number >>= 8;
    }
    return place;
}

static char *
put(char *place, Part part)
{
    memcpy(place, part.start, (size_t)part.size);
    return place + part.size;
}

/* What the plain twin of this name in httptee.quick does. */
static PyObject *
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

/* What is in a row. The sizes count what is written of it. */
typedef struct {
    uint64_t numbers[5];
    Part client, reason, error, head, asked, body, lines[2 * MOST_FIELDS];
    Py_ssize_t line_count, answer_size;
    int trimmed; /* the end of the head is left out, and an empty line is in its place */
} Row;

/* Whether the arguments of `row` are a simple case. */
static int
is_simple(PyObject *const *arguments, Row *row)
{
    for (int each = 0; each < 5; each++) {
        row->numbers[each] = (uint64_t)PyLong_AsLongLong(arguments[each]);
        if (row->numbers[each] == UINT64_MAX && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
    }
    Part own;
    row->answer_size = 1;
    if (!is_line(arguments[5], &row->client) || row->client.size > 0xffff || !is_line(arguments[6], &row->reason) ||
        !is_line(arguments[7], &row->error) ||
        (row->line_count = lines_of(arguments[8], row->lines, &row->answer_size)) < 0 ||
        !is_bytes(arguments[9], &row->head) || !is_bytes(arguments[10], &own) || !is_bytes(arguments[11], &row->asked) ||
        !is_bytes(arguments[12], &row->body)) {
        return 0;
    }
    row->answer_size += row->reason.size + row->error.size;
    if (row->answer_size > LONGEST) {
        return 0;
    }
    Py_ssize_t left = row->head.size - own.size;
    row->trimmed = own.size > 0 && left >= 0 && memcmp(row->head.start + left, own.start, (size_t)own.size) == 0;
    row->head.size = row->trimmed ? left : row->head.size;
    return 1;
}

static PyObject *
row(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    Row row;
    if (count != ROW_ARGUMENTS || !is_simple(arguments, &row)) {
        return as_plain("_row", arguments, count);
    }
    Py_ssize_t sizes[4] = {row.answer_size, row.head.size + 4 * row.trimmed, row.asked.size, row.body.size};
    Py_ssize_t size = ROW_SIZE + row.client.size + sizes[0] + sizes[1] + sizes[2] + sizes[3];
    PyObject *made = PyBytes_FromStringAndSize(NULL, size);
    if (made == NULL) {
        return NULL;
    }
    char *place = put_number(PyBytes_AsString(made), ROW_FORMAT, 1);
    for (int each = 0; each < 5; each++) {
        place = put_number(place, row.numbers[each], 8);
    }
    place = put_number(place, (uint64_t)row.client.size, 2);
    for (int each = 0; each < 4; each++) {
        place = put_number(place, (uint64_t)sizes[each], 4);
    }
    place = put(put(place, row.client), row.reason);
    *place++ = '\n';
    place = put(place, row.error);
    for (Py_ssize_t each = 0; each < row.line_count; each++) {
        *place++ = '\n';
        place = put(place, row.lines[each]);
    }
    place = put(place, row.head);
    memcpy(place, "\r\n\r\n", 4 * (size_t)row.trimmed);
    put(put(place + 4 * row.trimmed, row.asked), row.body);
    return made;
}

static uint64_t
number_at(const char *place, int bytes)
{
    uint64_t number = 0;
    while (bytes--) {
        number = number << 8 | (unsigned char)place[bytes];
    }
    return number;
}

/* Whether a set has these bytes; -1 with an error set. */
static int
is_in(PyObject *set, const char *start, Py_ssize_t size)
{
    PyObject *text = PyBytes_FromStringAndSize(start, size);
    int found = text == NULL ? -1 : PySet_Contains(set, text);
    Py_XDECREF(text);
    return found;
}

/* Whether one of the bytes from `start` up to `end` is one of `wanted`. */
static int
has_any(const char *start, const char *end, const char *wanted, size_t size)
{
    while (start < end && memchr(wanted, *start, size) == NULL) {
        start++;
    }
    return start < end;
}

/* Where the line ends that begins there: its CR LF, or NULL. */
static const char *
end_of_line(const char *start, const char *end)
{
    while (start < end && (start = memchr(start, '\r', (size_t)(end - start))) != NULL) {
        if (start + 1 < end && start[1] == '\n') {
            return start;
        }
        start++;
    }
    return NULL;
}

/* The bytes of the row at `start` if it is clean, 0 if it is not, -1 with an error set. */
static Py_ssize_t
clean_row(const char *start, Py_ssize_t left, PyObject *asked, PyObject *answered)
{
    if (left < ROW_SIZE || *start != ROW_FORMAT) {
        return 0;
    }
    uint64_t sizes[4], answer_at = ROW_SIZE + number_at(start + SIZES, 2), size = answer_at;
    for (int each = 0; each < 4; each++) {
        sizes[each] = number_at(start + SIZES + 2 + 4 * each, 4);
        size += sizes[each];
    }
    if (size > (uint64_t)left) {
        return 0;
    }
    const char *answer = start + answer_at, *head = answer + sizes[0], *body = head + sizes[1], *other = body + sizes[2];
    const char *line_end = end_of_line(head, body);
    if (line_end == NULL || has_any(head, line_end, "?#;@", 4) || (sizes[2] && has_any(body, body + 1, OPENS, 7)) ||
        (sizes[3] && has_any(other, other + 1, OPENS, 7))) {
        return 0;
    }
    int found = is_in(asked, line_end + 2, body - line_end - 2);
    found = found == 1 ? is_in(answered, answer, (Py_ssize_t)sizes[0]) : found;
    return found == 1 ? (Py_ssize_t)size : found;
}

static PyObject *
pass_clean(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    Py_ssize_t start = count == 5 ? PyLong_AsSsize_t(arguments[1]) : -1;
    if (start < 0 || !PyBytes_CheckExact(arguments[0]) || !PySet_Check(arguments[2]) || !PySet_Check(arguments[3]) ||
        !PyList_CheckExact(arguments[4])) {
        PyErr_Clear();
        return as_plain("_pass_clean", arguments, count);
    }
    const char *data = PyBytes_AsString(arguments[0]);
    Py_ssize_t end = PyBytes_Size(arguments[0]), size = 0;
    while (start < end && (size = clean_row(data + start, end - start, arguments[2], arguments[3])) > 0) {
        PyObject *pair =
            Py_BuildValue("(Ly#)", (long long)number_at(data + start + 1, 8), data + start, size);
        int added = pair == NULL ? -1 : PyList_Append(arguments[4], pair);
        Py_XDECREF(pair);
        if (added < 0) {
            return NULL;
        }
        start += size;
    }
    return size < 0 ? NULL : PyLong_FromSsize_t(start);
}

static PyMethodDef functions[] = {
    {"row", (PyCFunction)(void (*)(void))row, METH_FASTCALL, SEE},
    {"pass_clean", (PyCFunction)(void (*)(void))pass_clean, METH_FASTCALL, SEE},
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
    return PyModule_Create(&definition);
}
