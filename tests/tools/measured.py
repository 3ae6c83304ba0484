#!/usr/bin/env python3
"""Runs a command once for each file and tells what each run took.

usage: tests/tools/measured.py COMMAND WORD... -- FILE...   (or the files' names a line each on standard input)

A line a file: exit code (negative: the signal), milliseconds of processor time, kilobytes of memory at the most, name. What
the command prints is thrown away, but for lines that say `panicked`, which follow the name.
"""

import os
import subprocess
import sys
import tempfile


def run(command, file):
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command + [file], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        panics = [line for line in said.read().decode(errors="replace").splitlines() if "panicked" in line]
    milliseconds = round((usage.ru_utime + usage.ru_stime) * 1000)
    return child.returncode, milliseconds, usage.ru_maxrss, file, *panics


def main():
    words = sys.argv[1:]
    command, files = words, []
    if "--" in words:
        command, files = words[: words.index("--")], words[words.index("--") + 1 :]
    for file in files or sys.stdin.read().splitlines():
        print("\t".join(str(one) for one in run(command, file)), flush=True)


if __name__ == "__main__":
    main()
