"""Our encoder and protobuf's own library understand each other; nothing malformed gets through."""

from __future__ import annotations

import struct
from array import array
from typing import Any

import pytest
from google.protobuf.internal import api_implementation
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import WireError
from fanlight.wire import messages
from fanlight.wire.codec import BLOB, F64, TEXT, TEXTS, U32, U64, UINT, decode, encode, read_varint, varint
from fanlight.wire.report import REPORT
from fanlight.wire.settled import SETTLED
from fanlight.wire.spool import SEGMENT

SCHEMAS = {
    **{
        name: getattr(messages, name)
        for name in (
            "HELLO",
            "WELCOME",
            "TABLE",
            "BATCH",
            "ACK",
            "REFUSAL",
            "STATUS_REQUEST",
            "STATUS",
            "WATCH",
            "SNAPSHOTS",
            "COMMIT",
        )
    },
    "REPORT": REPORT,
    "SEGMENT": SEGMENT,
    "SETTLED": SETTLED,
}

TEXTUAL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {
    UINT: st.integers(0, (1 << 64) - 1),
    TEXT: TEXTUAL,
    TEXTS: st.lists(TEXTUAL, max_size=5),
    U32: st.lists(st.integers(0, (1 << 32) - 1), max_size=5).map(lambda v: array("I", v)),
    U64: st.lists(st.integers(0, (1 << 64) - 1), max_size=5).map(lambda v: array("Q", v)),
    F64: st.lists(st.floats(allow_nan=False), max_size=5).map(lambda v: array("d", v)),
    BLOB: st.binary(max_size=20),
}


@st.composite
def message(draw: Any) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(sorted(SCHEMAS)))
    schema = SCHEMAS[name]
    chosen = draw(st.lists(st.sampled_from(sorted(schema)), unique=True, max_size=8)) if schema else []
    return name, {field: draw(VALUES[schema[field][1]]) for field in chosen}


@given(message())
def test_what_is_encoded_is_decoded(given_message):
    name, fields = given_message
    schema = SCHEMAS[name]
    decoded = decode(schema, encode(schema, fields))
    assert set(decoded) == set(schema)
    for field, value in decoded.items():
        assert value == fields.get(
            field, type(value)(value.typecode) if isinstance(value, array) else type(value)()
        )


@given(message())
def test_protobuf_reads_what_we_write(proto, given_message):
    name, fields = given_message
    parsed = proto[name].FromString(encode(SCHEMAS[name], fields))
    for field, value in fields.items():
        got = getattr(parsed, field)
        assert (list(got) if isinstance(value, array | list) else got) == (
            list(value) if isinstance(value, array) else value
        )
    assert parsed.ByteSize() == len(encode(SCHEMAS[name], fields))


@given(message())
def test_we_read_what_protobuf_writes(proto, given_message):
    name, fields = given_message
    written = proto[name](**{k: list(v) if isinstance(v, array) else v for k, v in fields.items()})
    decoded = decode(SCHEMAS[name], written.SerializeToString(deterministic=True))
    for field, value in fields.items():
        assert decoded[field] == value


def test_the_library_that_checks_us_is_upb():
    assert api_implementation.Type() == "upb"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_proto_file_says_what_the_schemas_say(proto, name):
    kinds = {
        UINT: ("TYPE_UINT64", False),
        TEXT: ("TYPE_STRING", False),
        TEXTS: ("TYPE_STRING", True),
        U32: ("TYPE_FIXED32", True),
        U64: ("TYPE_FIXED64", True),
        F64: ("TYPE_DOUBLE", True),
        BLOB: ("TYPE_BYTES", False),
    }
    described = proto[name].DESCRIPTOR
    said = {field.name: (field.number, field.type, field.is_repeated) for field in described.fields}
    ours = {
        field: (number, getattr(described.fields[0], kinds[kind][0]), kinds[kind][1])
        for field, (number, kind) in SCHEMAS[name].items()
    }
    assert said == ours


def test_the_proto_file_has_every_message_and_no_other(proto):
    assert set(proto) == set(SCHEMAS)


@given(st.binary(max_size=200), st.sampled_from(sorted(SCHEMAS)))
def test_garbage_is_a_wire_error_or_a_message(data, name):
    try:
        decoded = decode(SCHEMAS[name], data)
    except WireError:
        return
    assert set(decoded) == set(SCHEMAS[name])


@given(message(), st.data())
def test_a_torn_message_is_a_wire_error_or_a_shorter_message(given_message, data):
    name, fields = given_message
    whole = encode(SCHEMAS[name], fields)
    torn = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        decode(SCHEMAS[name], torn)
    except WireError:
        return


def test_a_length_that_lies_is_told_with_what_is_there():
    with pytest.raises(WireError, match="claims 100 bytes where 3 are left"):
        decode(messages.HELLO, bytes([2 << 3 | 2, 100]) + b"abc")


def test_unknown_fields_of_any_type_are_skipped():
    unknown = b"".join(
        (
            varint(900 << 3 | 0) + varint(7),
            varint(901 << 3 | 1) + b"8 bytes!",
            varint(902 << 3 | 2) + varint(3) + b"abc",
            varint(903 << 3 | 5) + b"four",
        )
    )
    assert decode(messages.ACK, unknown + encode(messages.ACK, {"sequence": 5}) + unknown) == {"sequence": 5}


@pytest.mark.parametrize(
    "data",
    [
        varint(1 << 3 | 3),
        varint(1 << 3 | 4),
        varint(1 << 3 | 2) + varint(1) + b"x",
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x08",
        b"\x08\xff",
    ],
)
def test_what_is_no_acknowledgement_is_refused(data):
    with pytest.raises(WireError):
        decode(messages.ACK, data)


def test_a_number_where_a_text_belongs_and_half_a_column_are_refused():
    with pytest.raises(WireError, match="came as a number"):
        decode(messages.HELLO, varint(3 << 3) + varint(1))
    with pytest.raises(WireError, match="not a multiple of 8"):
        decode(messages.BATCH, varint(16 << 3 | 2) + varint(9) + b"123456789")


def test_a_name_that_the_schema_lacks_is_a_key_error():
    with pytest.raises(KeyError):
        encode(messages.ACK, {"sequel": 1})


@given(st.integers(0, (1 << 64) - 1))
def test_numbers_survive_and_take_one_byte_for_seven_bits(number):
    data = varint(number)
    assert read_varint(memoryview(data), 0) == (number, len(data))
    assert len(data) == max(1, -(-number.bit_length() // 7))


def test_a_column_is_its_arrays_memory():
    column = array("Q", range(1000))
    data = encode(messages.BATCH, {"trace_high": column})
    assert struct.pack("<1000Q", *range(1000)) in data
    assert len(data) == 8000 + 2 + 2


def test_lone_surrogates_become_question_marks_and_bad_utf8_the_replacement():
    assert decode(messages.HELLO, encode(messages.HELLO, {"service": "a\ud800b"}))["service"] == "a?b"
    raw = varint(4 << 3 | 2) + varint(2) + b"\xff\xfe"
    assert decode(messages.HELLO, raw)["service"] == "\ufffd\ufffd"
