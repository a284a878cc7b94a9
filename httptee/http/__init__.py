"""HTTP as values and functions: messages, header fields, endpoints, request targets, and the reading of a request from
a WSGI environ. Others may use every name in `__all__`."""

from httptee.http.arriving import ArrivingBody, Pieces, RequestMemory, not_stored
from httptee.http.cancellation import CANCELLATION, Cancellation
from httptee.http.chunks import ChunkLimits, ChunkReader
from httptee.http.endpoint import Endpoint, Listen, is_bracketed_list, origin_form, path_of, without_userinfo
from httptee.http.grammar import (
    BAD_HEAD,
    REQUEST_LINE,
    TOKEN,
    check_codings,
    check_content,
    check_hosts,
    check_start,
    expects_continue,
    listed,
    read_length,
    read_target,
    read_version,
)
from httptee.http.headers import (
    HOP_BY_HOP,
    Additions,
    end_to_end,
    values,
    with_added,
    with_field,
    with_host,
    without,
)
from httptee.http.inbound import CLIENT_SUBJECT, RECEIVED_HEADERS, client_of, receive, target_of
from httptee.http.interim import INTERIM, PassOn, interim_fields
from httptee.http.loops import LoopGuard
from httptee.http.mending import OddHead, is_http_1
from httptee.http.message import (
    ERROR_FIELD,
    Body,
    Exchange,
    FileBody,
    Follower,
    Headers,
    Request,
    Response,
    WrittenRequest,
    no_answer,
    tee_answer,
    value,
)
from httptee.http.section import Section
from httptee.http.subject import distinguished_name

__all__ = [
    "BAD_HEAD",
    "CANCELLATION",
    "CLIENT_SUBJECT",
    "ERROR_FIELD",
    "HOP_BY_HOP",
    "INTERIM",
    "RECEIVED_HEADERS",
    "REQUEST_LINE",
    "TOKEN",
    "Additions",
    "ArrivingBody",
    "Body",
    "Cancellation",
    "ChunkLimits",
    "ChunkReader",
    "Endpoint",
    "Exchange",
    "FileBody",
    "Follower",
    "Headers",
    "Listen",
    "LoopGuard",
    "OddHead",
    "PassOn",
    "Pieces",
    "Request",
    "RequestMemory",
    "Response",
    "Section",
    "WrittenRequest",
    "check_codings",
    "check_content",
    "check_hosts",
    "check_start",
    "client_of",
    "distinguished_name",
    "end_to_end",
    "expects_continue",
    "interim_fields",
    "is_bracketed_list",
    "is_http_1",
    "listed",
    "no_answer",
    "not_stored",
    "origin_form",
    "path_of",
    "read_length",
    "read_target",
    "read_version",
    "receive",
    "target_of",
    "tee_answer",
    "value",
    "values",
    "with_added",
    "with_field",
    "with_host",
    "without",
    "without_userinfo",
]
