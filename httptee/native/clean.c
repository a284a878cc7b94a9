/* `pass_clean`: the rows that are written as they are. */

#include "parts.h"

#define SIZES 41 /* where the sizes of its parts stand in a row */
#define OPENS "{[ \t\r\n\xef" /* 7 bytes */

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

PyObject *
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
