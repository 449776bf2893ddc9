"""Processes that fit statsforecast's models: a fit can be ended at any moment, and what it imports stays there."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, final

from unspool.errors import SettingError

Task = dict[str, Any]
Answer = dict[str, Any]

_SCRIPT = Path(__file__).with_name("statistical_process.py")


@final
class Fitter:
    """One process, which can be started again once it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._greeted = False

    def start(self) -> None:
        """Have the process start, if it does not run; nothing is waited for."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            # -P: the folder of the script is no place to import from
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )

    def greet(self) -> Answer:
        """Wait until the started process is ready: {"version": …}, or {"error": …}."""
        if self._greeted:
            return {}
        greeting = self._read()
        self._greeted = "version" in greeting
        return greeting

    def ask(self, task: Task) -> Answer:
        """What statsforecast's `forecast` gives for the task; {"error": …} where it fails or the process ends."""
        greeting = self.greet()
        if "error" in greeting:
            return greeting
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(OSError):  # of a process that has ended; reading tells
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        return self._read()

    def end(self) -> None:
        """End the process, whatever it does; another thread that waits for its answer gets an error."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End the process and give back its pipes, which no other thread may be reading."""
        self.end()
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                with suppress(OSError):
                    pipe.close()
        self._process, self._greeted = None, False

    def _read(self) -> Answer:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else {"error": "its process has ended; perhaps memory ran out"}


@final
class Fitters:
    """A fitter per core. A context: all processes have ended when it is left."""

    def __init__(self) -> None:
        self._fitters = [Fitter() for _ in range(_cores())]
        self._starting = Lock()

    def __enter__(self) -> "Fitters":
        return self

    def __exit__(self, *_: object) -> None:
        for fitter in self._fitters:
            fitter.close()

    def start(self, tasks: int) -> None:
        """Have as many processes ready as so many tasks can use; importing statsforecast takes seconds.

        Raises:
            SettingError: statsforecast cannot be loaded.
        """
        used = self._fitters[:tasks]
        for fitter in used:
            fitter.start()
        for fitter in used:
            greeting = fitter.greet()
            if "error" in greeting:
                raise SettingError(
                    f"statsforecast cannot be loaded ({greeting['error']})", hint="pip install 'unspool[baselines]'"
                )

    def work(self, tasks: Sequence[Task], seconds: float) -> list[Answer | None]:
        """The answers in the tasks' order; None for those that were not done in `seconds`, when all work is ended."""
        answers: list[Answer | None] = [None] * len(tasks)
        left = iter(range(len(tasks)))
        over = False

        def run(fitter: Fitter) -> None:
            for k in left:
                with self._starting:
                    if over:
                        return
                    fitter.start()
                answer = fitter.ask(tasks[k])
                if not over:
                    answers[k] = answer

        used = self._fitters[: len(tasks)]
        with ThreadPoolExecutor(len(used)) as threads:
            running = [threads.submit(run, fitter) for fitter in used]
            unfinished = running
            try:
                _, unfinished = wait(running, timeout=max(0.0, seconds))
            finally:  # also after Ctrl-C
                with self._starting:
                    over = bool(unfinished)
                    if over:
                        for fitter in used:
                            fitter.end()  # which lets the threads go
        for each in running:
            each.result()
        return answers


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
