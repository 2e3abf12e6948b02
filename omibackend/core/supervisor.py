"""Runs the processes of one machine: restarts one that dies, and stops all of them in order.

They are forks of this process, so that they share what it has loaded. It has no thread and no
connection of its own.
"""

import ctypes
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import NoReturn, TextIO

FIRST_RESTART_S = 1.0
SLOWEST_RESTART_S = 10.0
STEADY_S = 30.0  # a process that lived this long starts again with the shortest wait
INSIST_S = 3.0
LINE_BYTES = 64 * 1024
COLOURS = ("36", "33", "32", "35", "34", "31")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15


@dataclass(frozen=True)
class Child:
    """`run` ends when the process shall: with SystemExit, or a failure, if not well."""

    name: str
    run: Callable[[], object]
    once: bool = False


@dataclass
class Slot:
    """A child's place: the process that fills it now, or when the next one is due."""

    child: Child
    colour: str
    pid: int | None = None
    output: int | None = None
    partial_line: bytes = b""
    started_at: float = 0.0
    due_at: float = 0.0
    delay_s: float = field(default=FIRST_RESTART_S)

    def send(self, signum: signal.Signals) -> None:
        """To the leader only: a group that gets it passes it on, and workers get it twice."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def kill_group(self) -> None:
        if self.pid:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


class Supervisor:
    def __init__(
        self,
        children: Sequence[Child],
        *,
        stop_grace_s: float = 25.0,
        out: TextIO | None = None,
    ) -> None:
        self.slots = [Slot(child, COLOURS[n % len(COLOURS)]) for n, child in enumerate(children)]
        self.stop_grace_s = stop_grace_s
        self.out = out or sys.stdout
        self.width = max((len(child.name) for child in children), default=0)
        self.stopping = self.hurried = False
        self.selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Until a signal asks for the end; 0 then."""
        with self._signals():
            while not self.stopping:
                for slot in self.slots:
                    if not slot.pid and slot.due_at <= time.monotonic():
                        self._start(slot)
                self._turn(min((slot.due_at for slot in self.slots if not slot.pid), default=None))
            self._stop()
        return 0

    def _turn(self, until: float | None) -> None:
        """Wait for output, a signal, a death or the given time, and deal with it."""
        timeout = None if until is None else max(0.0, until - time.monotonic())
        for key, _ in self.selector.select(timeout):
            key.data()
        running = {slot.pid: slot for slot in self.slots}
        for pid, code in _ended():
            if pid in running:
                self._bury(running[pid], code)

    def _start(self, slot: Slot) -> None:
        slot.started_at = time.monotonic()
        reader, writer = os.pipe()
        parent = os.getpid()
        self.out.flush()
        # A signal meant for the child would be lost to the handlers that it still has from here.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            slot.pid = os.fork()
            if not slot.pid:
                os.close(reader)
                self._live(slot.child, writer, parent)
        except OSError as error:
            os.close(reader)
            os.close(writer)
            self._retry_later(slot, f"cannot start: {error}")
            return
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        os.close(writer)
        os.set_blocking(reader, False)
        slot.output = reader
        self.selector.register(reader, selectors.EVENT_READ, partial(self._relay, slot))

    def _live(self, child: Child, output: int, parent: int) -> NoReturn:
        """The life of a child. It leaves by `_exit`: what is on the stack is its parent's."""
        code = 1
        try:
            os.setsid()
            end_with_parent(parent)
            if _libc and child.name:  # what `ps` and `top` show
                _libc.prctl(PR_SET_NAME, f"omi {child.name}".encode())
            signal.set_wakeup_fd(-1)
            for signum in (*STOP_SIGNALS, signal.SIGCHLD):
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            for other in self.slots:
                if other.output is not None:
                    os.close(other.output)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            child.run()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:  # noqa: BLE001 (it would run on in the parent's loop)
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _bury(self, slot: Slot, code: int) -> None:
        slot.kill_group()  # what it left behind may hold its port
        while self._relay(slot):
            pass
        self._close(slot)
        slot.pid = None
        if slot.child.once:
            self.slots.remove(slot)
            return
        how = f"ended with {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        if self.stopping:
            self._say(slot, how)
        else:
            self._retry_later(slot, how)

    def _retry_later(self, slot: Slot, why: str) -> None:
        now = time.monotonic()
        if now - slot.started_at > STEADY_S:
            slot.delay_s = FIRST_RESTART_S
        self._say(slot, f"{why}, starting again in {slot.delay_s:.0f} s")
        slot.due_at = now + slot.delay_s
        slot.delay_s = min(slot.delay_s * 2, SLOWEST_RESTART_S)

    def _stop(self) -> None:
        # RQ takes the first signal as "finish this job" and the second as "drop it": a job runs in
        # a process group of its own, which only its worker can end.
        self._send(signal.SIGTERM)
        self._wait_for_all(self.stop_grace_s, patient=True)
        self._send(signal.SIGTERM)
        self._wait_for_all(INSIST_S)
        for slot in self.slots:
            slot.kill_group()
        self._wait_for_all(INSIST_S)

    def _send(self, signum: signal.Signals) -> None:
        for slot in self.slots:
            slot.send(signum)

    def _wait_for_all(self, seconds: float, *, patient: bool = False) -> None:
        deadline = time.monotonic() + seconds
        while any(slot.pid for slot in self.slots) and time.monotonic() < deadline:
            if patient and self.hurried:
                return
            self._turn(deadline)

    def _relay(self, slot: Slot) -> bool:
        """Pass on what there is to read; False if there was nothing."""
        if slot.output is None:
            return False
        try:
            chunk = os.read(slot.output, LINE_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._close(slot)
            return False
        *lines, slot.partial_line = (slot.partial_line + chunk).split(b"\n")
        for line in lines:
            self._say(slot, line.decode(errors="replace"))
        if len(slot.partial_line) > LINE_BYTES:
            self._flush(slot)
        return True

    def _close(self, slot: Slot) -> None:
        if slot.output is not None:
            self.selector.unregister(slot.output)
            os.close(slot.output)
            slot.output = None
        self._flush(slot)

    def _flush(self, slot: Slot) -> None:
        if slot.partial_line:
            self._say(slot, slot.partial_line.decode(errors="replace"))
            slot.partial_line = b""

    def _say(self, slot: Slot, line: str) -> None:
        name = f"{slot.child.name:{self.width}} | " if slot.child.name else ""
        if name and self.out.isatty():
            name = f"\033[{slot.colour}m{name}\033[0m"
        try:
            self.out.write(f"{name}{line}\n")
            self.out.flush()
        except OSError:
            # The reader is gone (`up | head`, a closed terminal): end, but in order.
            self.stopping = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals wake the selector; nothing happens inside a handler.

        Once asked to stop, no second Ctrl-C makes a failure of the last moments before the exit.
        """
        reader, writer = socket.socketpair()
        reader.settimeout(0)
        writer.settimeout(0)
        before = {signum: signal.getsignal(signum) for signum in (*STOP_SIGNALS, signal.SIGCHLD)}
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for signum in STOP_SIGNALS:
            if before[signum] is not signal.SIG_IGN:  # nohup
                signal.signal(signum, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(reader, selectors.EVENT_READ, partial(reader.recv, 4096))
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for signum, handler in before.items():
                ended = self.stopping and signum in STOP_SIGNALS
                signal.signal(signum, signal.SIG_IGN if ended else handler)
            self.selector.close()
            reader.close()
            writer.close()

    def _on_stop(self, signum: int, frame: FrameType | None) -> None:
        self.hurried = self.stopping
        self.stopping = True


def _ended() -> Iterator[tuple[int, int]]:
    """Every child that is no more, and its exit code. As the first process of a container this
    one also gets the orphans of others."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found[0], os.waitstatus_to_exitcode(found[1])


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(parent: int) -> None:
    """Runs in a child: kill -9 of the parent ends its children too."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
