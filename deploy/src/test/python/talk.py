"""Talks with a program through a pseudo-terminal, as a person does who waits for what it shows.

    talk.py SECONDS TALK.json COMMAND...

TALK.json is an array of pairs: what to wait for (a regular expression, searched behind what was seen last), and
what to type then. What the terminal showed goes to standard output. Exits as the command does; with 99, and a word
on standard error, if what was awaited hasn't come after SECONDS.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

NOT_SEEN = 99
ROWS, COLUMNS = 24, 80


def main():
    deadline = time.monotonic() + float(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        talk = [(pattern.encode(), keys.encode()) for pattern, keys in json.load(file)]
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
        os.execvp(sys.argv[3], sys.argv[3:])
    shown = b""
    seen = 0
    try:
        for pattern, keys in talk:
            while not (match := re.compile(pattern).search(shown, seen)):
                more = read(terminal, deadline)
                if not more:
                    sys.stderr.write(f"waited for {pattern}, saw {shown[seen:]}\n")
                    return NOT_SEEN
                shown += more
            seen = match.end()
            os.write(terminal, keys)
        while more := read(terminal, deadline):
            shown += more
    finally:
        sys.stdout.buffer.write(shown)
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read(terminal, deadline):
    """What the terminal shows next; nothing at the end, or when time is up."""
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    try:
        return os.read(terminal, 4096) if ready else b""
    except OSError:  # how Linux says that the program has gone
        return b""


sys.exit(main())
