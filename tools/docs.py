#!/usr/bin/env python3
"""Checks the documents: one title each, and every relative link and named path leads somewhere."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")
# Paths in backticks that look like ours.
PATH = re.compile(r"`((?:src|tests|tools|docs|bench)/[\w./-]+\.\w+)`")


def documents():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def problems(path):
    text = path.read_text()
    name = path.relative_to(ROOT)
    outside_code = re.sub(r"```.*?```", "", text, flags=re.S)
    titles = len(re.findall(r"^# ", outside_code, flags=re.M))
    if titles != 1 and name.parts[0] != "changes":
        yield f"{name}: {titles} titles, not one"
    for target in LINK.findall(outside_code):
        if not target.startswith(("http:", "https:", "mailto:")) and not (path.parent / target).exists():
            yield f"{name}: dead link {target}"
    for target in PATH.findall(outside_code):
        if not (ROOT / target).exists():
            yield f"{name}: {target} does not exist"


def main():
    found = [problem for path in documents() for problem in problems(path)]
    print("\n".join(found) if found else "docs: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
