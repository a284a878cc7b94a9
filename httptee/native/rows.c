/* `row`: a recorded exchange as bytes. */

#include "parts.h"

#define ROW_ARGUMENTS 13
#define MOST_FIELDS 64

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
        if (!is_number(arguments[each], &row->numbers[each])) {
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

PyObject *
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
