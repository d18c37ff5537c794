"""What a killed supervisor left behind is ended, also where it does not listen."""

import signal
import subprocess
import sys
import threading

from fanlight.pipeline.processes import end_orphans

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def test_an_orphan_that_ignores_the_signal_is_killed(tmp_path):
    command = [sys.executable, "-I", "-c", DEAF, "--role", "collector", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as orphan:
        assert orphan.stdout.readline() == "deaf\n"
        # Nobody else would take note of its end, so that it would still seem to be there.
        waiting = threading.Thread(target=orphan.wait)
        waiting.start()
        try:
            end_orphans(str(tmp_path), {"collector": orphan.pid})
            waiting.join(60)
            assert orphan.returncode == -signal.SIGKILL
        finally:
            orphan.kill()
            waiting.join()
