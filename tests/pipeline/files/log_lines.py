"""Lines of every format and queries about them, drawn for laws."""

from __future__ import annotations

from hypothesis import strategies as st

ACCESS = '10.0.0.{0} - - [31/Jan/2026:12:{1:02}:00 +0000] "GET /{2} HTTP/1.1" {3} {5} "-" "curl" {4}'
words = st.sampled_from(
    ["blue", "red", "Blue", "b", "200", "5", "/", "curl", "é", "\u212a", "no such", "12:0"]
)
terms = st.one_of(
    words.map(lambda word: f'"{word}"'),
    st.sampled_from(
        [
            *("status:5xx", "status:200", "status=404", "status>=404", "NOT status:5xx", "path:^/b"),
            *("path:blue$", "path=/blue", "path~'b.u'", "duration:>100ms", "duration:<100ms", "exists(user)"),
            *("duration:>=1s", "duration:>9s", "NOT duration:>=95s", "status>499", "status:>=503"),
            *("bytes:>=500", "bytes>17", "bytes:17..500", "bytes>=5KB", "x>=40", "status:>=499"),
            *("/b.ue/", "/GET .(blue|red)/", "method:GET", "message:blue", "agent:CURL", "bytes:17"),
            *(
                "path:'b[^x]ue'",
                "level:error",
                "x.y:1",
                "x.y>1",
                "http.status:5xx",
                "a:blue",
                "a in (blue, 2)",
                "severity:blue",
                "lvl=blue",
                "status-code:5xx",
                "msg:blue",
                "user-agent:curl",
                "exception:ValueError",
                "exception=java.io.IOException",
                "stack:blue",
                "stack.cause.message:blue",
                "exists(stack)",
                "cause:b",
                "function:red",
                "source-line:5",
                "source-line>=100",
                "logger:red",
                "level:crit",
                "level=error",
                "facility:auth",
                "NOT /b.ue/",
                "NOT (/re.$/ OR path:^/b)",
                "NOT (a:blue AND NOT x>1)",
                "data.a.b:blue",
                "thread:blue",
                "NOT daemon=true",
                "thread-state:blue",
                "cpu:>100ms",
                "version:blue",
                "program:red",
            ),
        ]
    ),
)
queries = st.recursive(
    terms,
    lambda inner: st.tuples(inner, st.sampled_from([" AND ", " OR ", " AND NOT "]), inner).map(
        lambda part: f"({part[0]}{part[1]}{part[2]})"
    ),
    max_leaves=4,
)
texts = st.sampled_from(["blue", "red", "Blue", "x", "é", "b\u212aue", 'say "hi"', "a\\b", "200", "5", ""])
access_lines = st.builds(
    ACCESS.format,
    st.integers(0, 9),
    st.integers(0, 59),
    texts,
    st.sampled_from([200, 404, 499, 500, 503]),
    st.one_of(
        st.integers(0, 999).map("0.{:03}".format),
        st.sampled_from(["0.999", "1.000", "1.5", "9.25", "10.0", "94.999", "95.0", "100.001", "-"]),
    ),
    st.sampled_from([17, 5, 499, 500, 5000, "-"]),
)
common_lines = access_lines.map(lambda line: line.partition(' "-" "curl"')[0])
json_lines = st.dictionaries(
    st.sampled_from(["a", "level", "message", "status", "x", "time"]),
    st.one_of(
        texts,
        st.sampled_from([30, 40, 50]),
        st.integers(-5, 600),
        st.floats(allow_nan=False, allow_infinity=False),
        st.dictionaries(st.sampled_from(["y", "status"]), st.one_of(st.integers(0, 600), texts), max_size=2),
        st.lists(st.one_of(texts, st.integers(0, 600)), max_size=2),
    ),
    max_size=4,
)


def dumped(event: dict[str, object]) -> str:
    import json

    return json.dumps(event, ensure_ascii=bool(len(event) % 2)).replace(
        "blue", "bl\\u0075e" if "x" in event else "blue"
    )


logfmt_lines = st.lists(
    st.tuples(
        st.sampled_from(["a", "level", "msg", "took", "status"]),
        st.sampled_from(["blue", '"b c"', "5", "1.5s"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: " ".join(f"{key}={value}" for key, value in pairs))
stamped_lines = st.one_of(
    st.builds(
        "2026-01-31 12:{:02}:00Z {} {}".format, st.integers(0, 59), st.sampled_from(["ERROR", "info"]), texts
    ),
    st.builds("  at {}".format, texts),
)
TRACES = (
    "Traceback (most recent call last):",
    '  File "/srv/blue.py", line 5, in red',
    "ValueError: blue",
    "KeyError",
    "",
    "The above exception was the direct cause of the following exception:",
    "java.io.IOException: red",
    "\tat a.Blue.red(Blue.java:200)",
    "Caused by: a.Blue: b",
    "  + Exception Group Traceback (most recent call last):",
    "  | ExceptionGroup: blue (1 sub-exception)",
    "  +-+---------------- 1 ----------------",
    "    | ValueError: Blue",
)


cells = st.one_of(
    texts.map(lambda text: text.replace('"', "")),
    st.sampled_from(["blue", "red, b", 'say "hi"', "two\nblue", "", "5"]).map(
        lambda text: '"' + text.replace('"', '""') + '"'
    ),
)


def logged(form: str) -> st.SearchStrategy[str]:
    """Answer lines of a layout, or of what may follow one."""
    head = st.builds(
        form.format,
        st.integers(0, 59),
        st.sampled_from(["ERROR", "INFO"]),
        st.sampled_from(["red", "a.b"]),
        texts,
    )
    return st.one_of(head, st.sampled_from(TRACES))


thread_lines = st.builds(
    (
        '"{0}" #{1} {2}prio=5 cpu={3}.5ms tid=0x{1} runnable\n'
        "   java.lang.Thread.State: {4}\n\tat a.Blue.{0}(B.java:5)\n"
    ).format,
    texts,
    st.integers(0, 9),
    st.sampled_from(["daemon ", ""]),
    st.integers(0, 600),
    st.sampled_from(["blue", "RED"]),
)
dumps = st.builds(
    "2026-01-31 12:{:02}:00\nFull thread dump {} X:\n\n{}".format,
    st.integers(0, 59),
    texts,
    st.lists(thread_lines, max_size=4).map("\n".join),
)

FILES = {
    "threads": dumps,
    "combined-time+json": st.one_of(access_lines, json_lines.map(dumped)),
    "combined-time+python+stamped+json": st.one_of(
        access_lines,
        json_lines.map(dumped),
        logged("2026-01-31 12:{0:02}:00,000 - {2} - {1} - {3}"),
        stamped_lines,
    ),
    "python": logged("2026-01-31 12:{0:02}:00,000 - {2} - {1} - {3}"),
    "python-basic": logged("{1}:{2}:{3}"),
    "java": logged("2026-01-31 12:{0:02}:00,000 {1} [{2}] (blue (b)) {3}"),
    "kafka": logged("[2026-01-31 12:{0:02}:00,000] {1} {3} ({2})"),
    "csv": st.one_of(
        st.builds("{},{},{},{}".format, st.integers(0, 600), cells, cells, cells),
        st.sampled_from(["status,a,user,message", '"', '5,"', 'red",blue']),
    ),
    "csv-headed": st.one_of(
        st.builds("01/31/26 12:{:02}:00, {}, {}".format, st.integers(0, 59), cells, cells),
        st.sampled_from(["# time, a, status(int)", "#time,message,a", "# a comment", '"']),
    ),
    "w3c": st.one_of(
        st.builds("2026-01-31 12:{:02}:00 {} {}".format, st.integers(0, 59), st.integers(0, 600), texts),
        st.sampled_from(["#Fields: date time sc-status a", "#Fields: date time time-taken a", "#Version: 1"]),
    ),
    "syslog": logged("Jan 31 12:{0:02}:00 {1} {2}: {3}"),
    "syslog-3164": st.one_of(
        logged("<11>Jan 31 12:{0:02}:00 {1} {2}[5]: {3}"), logged("<34>Jan 31 12:{0:02}:00 {1} {2}[5]: {3}")
    ),
    "syslog-5424": st.one_of(
        logged("<11>1 2026-01-31T12:{0:02}:00Z h {2} 5 - - {3}"),
        logged('<134>1 - h {2} - x [a b="blue \\"{3}"] {3}'),
    ),
    "uvicorn": logged('{1}:     {2} - "GET /{3} HTTP/1.1" 200 OK'),
    "combined-time": access_lines,
    "common": common_lines,
    "json": json_lines.map(dumped),
    "logfmt": logfmt_lines,
    "plain": texts,
    "stamped": stamped_lines,
}
