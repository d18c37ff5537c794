"""An agent that has nothing to do does nothing."""

from __future__ import annotations

import json

RUN_S = 4.0
SHARE = 0.001
"""Of a core, in the application."""


def test_at_rest_the_agent_takes_less_than_a_thousandth_of_a_core(script, receiver):
    """A short look at CPU time, which a busy machine does not lengthen; it cannot see rare wake-ups."""
    result = script(
        f"""
        import json, time
        with fanlight.trace('job'), fanlight.span('a'):
            pass
        assert fanlight.flush(30)
        time.sleep(0.5)  # what follows the first batch is over
        spent = time.process_time_ns()
        time.sleep({RUN_S})
        print(json.dumps((time.process_time_ns() - spent) / 1e9))
        """
    )
    assert result.returncode == 0, result.stderr
    assert len(receiver.traces) == 1
    spent_s = json.loads(result.stdout)
    assert spent_s <= SHARE * RUN_S, f"{spent_s * 1e3:.2f} ms of CPU in {RUN_S:g} s"
