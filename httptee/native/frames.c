/* `frames`: records with their checksums, as they stand in a journal. */

#include "parts.h"

#define FRAMES_ARGUMENTS 4
#define FRAME_HEADER 40
#define MARKER 8
#define SMALL 4096 /* bytes of a payload: for longer ones the plain twin is as quick, and gives up the GIL meanwhile */

static uint32_t crc_table[8][256];

/* The checksum of zlib (the polynomial 0xEDB88320), eight bytes at a time. */
static uint32_t
crc32_of(const char *data, Py_ssize_t size, uint32_t begun)
{
    const unsigned char *at = (const unsigned char *)data;
    uint32_t crc = ~begun;
    for (; size >= 8; size -= 8, at += 8) {
        crc ^= at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        crc = crc_table[7][crc & 0xff] ^ crc_table[6][crc >> 8 & 0xff] ^ crc_table[5][crc >> 16 & 0xff] ^
              crc_table[4][crc >> 24] ^ crc_table[3][at[4]] ^ crc_table[2][at[5]] ^ crc_table[1][at[6]] ^
              crc_table[0][at[7]];
    }
    while (size--) {
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at++) & 0xff];
    }
    return ~crc;
}

void
fill_crc_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
        }
        crc_table[0][byte] = crc;
    }
    for (int more = 1; more < 8; more++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = crc_table[more - 1][byte];
            crc_table[more][byte] = before >> 8 ^ crc_table[0][before & 0xff];
        }
    }
}

/* The stamp and the payload of a record; 0 if it is no simple case. */
static int
is_record(PyObject *record, uint64_t *stamp, Part *payload)
{
    return PyTuple_CheckExact(record) && PyTuple_Size(record) == 2 && is_number(PyTuple_GetItem(record, 0), stamp) &&
           is_bytes(PyTuple_GetItem(record, 1), payload) && payload->size <= SMALL;
}

PyObject *
frames(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    Part marker, payload;
    uint64_t kind, sequence, stamp;
    Py_ssize_t size = 0, records = -1;
    if (count == FRAMES_ARGUMENTS && is_bytes(arguments[0], &marker) && marker.size == MARKER &&
        is_number(arguments[1], &kind) && kind <= UINT32_MAX && is_number(arguments[2], &sequence) &&
        sequence >> 62 == 0 && PyList_CheckExact(arguments[3])) {
        records = PyList_Size(arguments[3]);
    }
    for (Py_ssize_t each = 0; each < records; each++) {
        if (!is_record(PyList_GetItem(arguments[3], each), &stamp, &payload)) {
            records = -1;
        }
        size += FRAME_HEADER + payload.size;
    }
    if (records < 0) {
        return as_plain("_frames", arguments, count);
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, size);
    if (made == NULL) {
        return NULL;
    }
    char *place = PyBytes_AsString(made);
    uint32_t begun = crc32_of(marker.start, MARKER, 0);
    for (Py_ssize_t each = 0; each < records; each++) {
        if (!is_record(PyList_GetItem(arguments[3], each), &stamp, &payload)) {
            Py_DECREF(made);
            return as_plain("_frames", arguments, count);
        }
        char *rest = put(place, marker) + 4;
        char *end = put_number(rest, kind, 4);
        end = put_number(end, (uint64_t)payload.size, 4);
        end = put_number(end, crc32_of(payload.start, payload.size, 0), 4);
        end = put_number(end, sequence + (uint64_t)each, 8);
        end = put_number(end, stamp, 8);
        put_number(rest - 4, crc32_of(rest, end - rest, begun), 4);
        place = put(end, payload);
    }
    return made;
}
