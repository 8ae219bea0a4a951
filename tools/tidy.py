#!/usr/bin/env python3
"""House rules that a compiler does not know: banned words, sizes, registered tests, folder READMEs."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE_MAX, FILE_MAX, FUNCTION_MAX, BLOB_MAX = 100, 800, 70, 200_000
# pattern, what to use instead, folders (or files) under src/ where it is allowed
BANNED = [
    (r"\bstd::thread\b", "env::Worker", ("env/", "net/", "app/")),
    (r"\b(system_clock|steady_clock)\b", "env::Clock", ("env/posix/", "app/")),
    (r"\b(srand|rand)\(", "env::Random", ()),
    (r"\bgetenv\(", "an option of config/", ("app/", "env/posix/")),
    (r"(?<![_\w])assert\(", "TM_CHECK", ()),
    (r"catch \(\.\.\.\)", "a named exception type", ()),
    (r"\busing namespace\b(?! (std::)?(tidemark::)?(chrono_)?literals)", "full names", ()),
    (r"\b(FIXME|XXX|HACK)\b", "an issue", ()),
    (r"\bstd::cout\b|\bstd::cerr\b", "telemetry or std::fputs in app/", ()),
    (r"\bsleep_for\b|\busleep\(", "a Worker's pause or a condition with a deadline", ()),
    (r"for \(.* : \*[\w.>()-]+\(.*\)\)", "a name for what is dereferenced: the temporary dies before the loop", ()),
    (r"NOLINT(?!\w*\([\w\-,.*]+\): )", "NOLINT(check): reason", ()),
]


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def functions(lines):
    """First line and number of lines of each body that ends where its function began. Blocks inside of one are told as well: they are shorter."""
    for blanks in ("", "  "):
        begin = None
        for number, line in enumerate(lines, 1):
            if line == blanks + "}" and begin:
                yield begin, number - next((at for at in range(begin, number) if lines[at - 1].endswith("{")), begin)
                begin = None
            elif line.startswith(blanks) and line[len(blanks):len(blanks) + 1] not in ("", " ", "#", "/", "}"):
                begin = number


def check_source(path):
    relative = path.relative_to(ROOT).as_posix()
    inside = relative.removeprefix("src/")
    lines = path.read_text().splitlines()
    if len(lines) > FILE_MAX:
        yield f"{relative}: {len(lines)} lines; which second thing lives in it? (at most {FILE_MAX})"
    for number, length in functions(lines):
        if length > FUNCTION_MAX and not relative.endswith("_test.cc"):
            yield f"{relative}:{number}: a function of {length} lines (at most {FUNCTION_MAX})"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX and "NOLINT" not in line and "http" not in line:
            yield f"{relative}:{number}: {len(line)} columns (at most {LINE_MAX})"
        code = line.split("//")[0] if "NOLINT" not in line and "FIXME" not in line else line
        for pattern, instead, places in BANNED:
            if re.search(pattern, code) and not inside.startswith(places):
                if not (relative.endswith("_test.cc") and "thread" in pattern):
                    yield f"{relative}:{number}: banned; use {instead}"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield f"{relative}: no #pragma once"


def check_folders():
    for folder in sorted((ROOT / "src").iterdir()):
        if folder.is_dir() and any(folder.glob("*.h")) and not (folder / "README.md").exists():
            yield f"src/{folder.name}: no README.md (promise, invariants, thread rule, entry files)"


def main():
    problems = []
    for path in tracked():
        if path.stat().st_size > BLOB_MAX:
            problems.append(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes; blobs do not belong here")
        if path.suffix in (".h", ".cc", ".def"):
            problems.extend(check_source(path))
    problems.extend(check_folders())
    print("\n".join(problems) if problems else "tidy: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
