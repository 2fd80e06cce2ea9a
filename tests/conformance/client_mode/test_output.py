"""What a client prints is kept from its end, and nothing that it starts can hold up a run."""

from __future__ import annotations

import subprocess
import sys
import threading

from hanami_conformance.client_mode.output import OutputTail

DEADLINE = 30.0  # seconds; reached only by a defect


def test_the_end_of_the_output_is_kept() -> None:
    with OutputTail(10) as output:
        subprocess.run([sys.executable, "-c", "print('x' * 100_000 + 'the end')"], stdout=output.pipe, check=True)
    assert output.text == "xxthe end\n"


def test_a_process_that_prints_without_end_does_not_hold_up_the_end() -> None:
    printing = "while True:\n    print('y' * 1000, flush=True)"
    texts = []

    def read() -> None:
        with OutputTail(10) as output:
            started.append(subprocess.Popen([sys.executable, "-c", printing], stdout=output.pipe))
        texts.append(output.text)

    started: list[subprocess.Popen[bytes]] = []
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        reader.join(DEADLINE)
        assert not reader.is_alive(), "it reads as long as the process prints"
        assert len(texts) == 1
    finally:
        for process in started:
            process.kill()
            process.wait(DEADLINE)
        reader.join(DEADLINE)
