"""An agent that has nothing to do does nothing; `make soak` has the CPU time of an idle Fanlight."""

from __future__ import annotations

import json

RUN_S = 4.0


def test_at_rest_the_agent_wakes_once_a_second_at_the_most(script, receiver):
    result = script(
        f"""
        import json, os, time
        def wakes():
            # Every wake-up ends with going to sleep again, which is a voluntary switch.
            others = [int(each) for each in os.listdir("/proc/self/task") if int(each) != os.getpid()]
            told = "".join(open(f"/proc/self/task/{{each}}/status").read() for each in others)
            lines = [line.split() for line in told.splitlines() if line.startswith("voluntary")]
            return [len(others), sum(int(words[1]) for words in lines)]
        with fanlight.trace('job'), fanlight.span('a'):
            pass
        assert fanlight.flush(30)
        time.sleep(0.5)  # what follows the first batch is over
        before, began_s = wakes(), time.monotonic()
        time.sleep({RUN_S})
        print(json.dumps([before, wakes(), time.monotonic() - began_s]))
        """
    )
    assert result.returncode == 0, result.stderr
    assert len(receiver.traces) == 1
    (threads, before), (still, after), lasted_s = json.loads(result.stdout)
    assert threads == still > 0
    assert after - before <= lasted_s
