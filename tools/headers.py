#!/usr/bin/env python3
"""Compiles every header of src/ alone: one that leans on what others include before it is an error."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = {"base/pch.h"}
COMMAND = ["g++", "-std=c++20", "-fsyntax-only", "-x", "c++", "-Isrc", "-isystem", ".deps/duckdb/include",
           "-isystem", "/usr/share/include/llhttp", "-march=x86-64-v3", "-mpclmul"]


def compile_alone(header):
    command = [part for part in COMMAND if os.uname().machine == "x86_64" or not part.startswith("-m")]
    result = subprocess.run([*command, "-"], input=f'#include "{header}"\n', cwd=ROOT, capture_output=True, text=True)
    return header, result.returncode, result.stderr


def main():
    headers = sorted(path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.h"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, status, errors in pool.map(compile_alone, [h for h in headers if h not in SKIPPED]):
            if status != 0:
                failed += 1
                print(f"src/{header} does not compile alone:\n{errors[:600]}")
    print("headers: ok" if failed == 0 else f"headers: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
