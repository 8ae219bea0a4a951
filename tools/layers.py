#!/usr/bin/env python3
"""Checks every #include under src/ against layers.txt: folder order and third-party fences."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_rules():
    layers, fences = {}, []
    for line in (ROOT / "layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, rest = line.partition(":")
        if name.startswith("fence "):
            pattern = re.compile(r"^(?:%s)" % name[6:].strip())
            fences.append((pattern, rest.split()))
        else:
            layers[name.strip()] = set(rest.split()) | {"base", name.strip()}
    return layers, fences


def owns(place, relative):
    return relative == place or relative.startswith(place + "/")


def check(path, layers, fences):
    relative = path.relative_to(ROOT / "src").as_posix()
    folder = relative.split("/")[0]
    if folder not in layers:
        yield f"src/{relative}:1: folder {folder} has no line in layers.txt"
        return
    allowed = set(layers[folder])
    if relative.endswith("_test.cc"):
        allowed |= {"sim"} | layers["sim"]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(2)
        top = target.split("/")[0]
        if match.group(1) == '"' and top in layers and "/" in target:
            if top not in allowed:
                yield f"src/{relative}:{number}: {folder} may not include {top}"
            continue
        if relative.endswith("_test.cc"):
            continue
        for pattern, places in fences:
            if pattern.match(target) and not any(owns(place, relative) for place in places):
                yield f"src/{relative}:{number}: <{target}> is fenced to {' '.join(places)}"


def main():
    layers, fences = read_rules()
    problems = []
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".h", ".cc"):
            problems.extend(check(path, layers, fences))
    print("\n".join(problems) if problems else "layers: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
