import io

from httptee.http import FileBody, Request, Response
from httptee.recording.pending import Pending


def test_a_file_in_memory_has_no_descriptor_to_keep():
    request = Request("GET", "/", [], FileBody(io.BytesIO(b"hello"), 5), "a", "http")
    pending = Pending(request, Response(200, "OK", [], b""), (1, 1), 1, 2)
    pending.hold_file()
    assert pending.file is None
    pending.release()
