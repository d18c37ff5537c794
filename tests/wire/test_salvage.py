"""Whatever bytes of a segment are spoilt, every record that was not is found."""

from __future__ import annotations

import random
import time
from array import array

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.wire import codec, messages, spool
from fanlight.wire.salvage import next_whole, surviving


def body(number, texts=("", "shop"), spans=20):
    message = {
        "client": [f"{number:032x}"],
        "client_sequence": array("Q", [number]),
        "strings": list(texts),
        "span_kind": array("I", range(spans)),
        "span_parent": array("I", [0] * spans),
        "span_duration": array("Q", range(spans)),
    }
    return codec.encode(messages.COMMIT, message)


BODIES = [body(number) for number in range(1, 7)]


def write(folder, bodies):
    path = folder / "000000000001.seg"
    path.write_bytes(
        spool.pack_header({"number": 1, "created": 5}) + b"".join(map(spool.pack_record, bodies))
    )
    return path


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 100_000), garbage=st.binary(min_size=1, max_size=700))
def test_every_record_that_was_not_spoilt_survives_and_the_gaps_are_told(tmp_path, place, garbage):
    path = write(tmp_path, BODIES)
    data = bytearray(path.read_bytes())
    first = len(data) - sum(spool.RECORD.size + len(one) for one in BODIES)
    place = first + place % (len(data) - first)
    data[place : place + len(garbage)] = garbage[: len(data) - place]
    path.write_bytes(data)
    whole, begin = [], first
    for one in BODIES:
        end = begin + spool.RECORD.size + len(one)
        if data[begin:end] == spool.pack_record(one):
            whole.append((end, one))
        begin = end
    found = list(surviving(path))
    assert [(after, one) for after, one, _ in found] == whole
    lost = sum(gap[1] - gap[0] for _, _, gap in found if gap)
    read = sum(spool.RECORD.size + len(one) for _, one in whole)
    assert lost + read == (whole[-1][0] if whole else first) - first


def test_one_of_which_even_the_length_is_spoilt_is_passed_over(tmp_path):
    path = write(tmp_path, BODIES)
    ends = [after for after, _ in spool.records(path)]
    data = bytearray(path.read_bytes())
    data[ends[1] : ends[1] + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert [(after, gap) for after, _, gap in surviving(path)] == [
        (ends[0], None),
        (ends[1], None),
        (ends[3], (ends[1], ends[2])),
        (ends[4], None),
        (ends[5], None),
    ]
    assert [after for after, _, _ in surviving(path, ends[2])] == ends[3:]
    assert [after for after, _, _ in surviving(path, ends[2], ends[4])] == ends[3:5]
    assert [after for after, _, _ in surviving(path, ends[2], ends[4] + 30)] == ends[3:5]


def test_a_torn_tail_holds_nothing(tmp_path):
    path = write(tmp_path, BODIES)
    ends = [after for after, _ in spool.records(path)]
    data = path.read_bytes()
    for cut in range(ends[-2] + 1, ends[-1]):
        path.write_bytes(data[:cut])
        assert next_whole(path, ends[-2]) == -1


def test_sixteen_megabytes_of_damage_are_searched_in_seconds(tmp_path):
    chance = random.Random(1)
    # What columns look like: small numbers in four and eight bytes, and text.
    columns = array("I", [chance.randrange(900) for _ in range(2 << 20)]).tobytes()
    noise = columns + chance.randbytes(8 << 20)
    path = write(tmp_path, [BODIES[0]])
    after = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\xff" * 8 + noise + spool.pack_record(BODIES[1]))
    began = time.process_time()
    assert next_whole(path, after) == after + 8 + len(noise)
    assert time.process_time() - began < 60, "a checksum for each byte would take hours"
