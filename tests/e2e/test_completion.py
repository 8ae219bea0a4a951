"""`tidemark completion` and `tidemark help`: made from what the command line takes, in every shell that is there."""
import shutil
import subprocess

import pytest

from support.server import BINARY

LINES = {  # What stands before the word, the word, some of what is offered, and some of what is not.
    (): ("", {"serve", "sql", "event", "completion", "help"}, {"quarantine", "list"}),
    ("table",): ("r", {"rollback", "refs"}, {"list", "revoke"}),
    ("event", "quarantine"): ("", {"list", "show", "replay", "drop"}, {"serve"}),
    ("key", "revoke"): ("--", {"--yes", "--key", "--help"}, {"--scope"}),
    ("key", "list", "-o"): ("", {"table", "json", "ndjson"}, {"--yes", "list"}),
    ("serve",): ("--data", {"--data-dir"}, {"--crash-at"}),
    ("serve",  "--dev"): ("--http", {"--http-listen"}, set()),
    ("completion",): ("", {"--help"}, {"serve"}),
}


def run(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True)


def commands(*path):
    """Every command, by its own help."""
    out = run(*path, "--help").stdout
    names = [line.split()[0] for line in out.split("Subcommands:\n")[1].split("\n\n")[0].splitlines() if line.startswith("  ") and line[2] != " "] if "Subcommands:" in out else []
    yield path
    for name in names:
        if path + (name,) != ("help",):
            yield from commands(*path, name)


def script(shell):
    done = run("completion", shell)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("before", LINES)
def test_bash_offers_what_fits(before):
    word, offered, absent = LINES[before]
    line = ("tidemark", *before, word)
    told = script("bash") + f"COMP_WORDS=({' '.join(repr(one) for one in line)}); COMP_CWORD={len(line) - 1}; _tidemark; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "--norc", "-c", told], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    found = set(done.stdout.split())
    assert offered <= found and not absent & found, found
    assert all(one.startswith(word) for one in found)


def test_every_command_is_known_to_every_shell():
    paths = [path for path in commands() if path]
    assert len(paths) > 40 and ("event", "quarantine", "replay") in paths
    for shell in ("bash", "zsh", "fish"):
        text = script(shell)
        for path in paths:
            assert f"' {' '.join(path)}'" in text, (shell, path)


@pytest.mark.parametrize("shell,check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])])
def test_the_script_is_one_of_its_shell(tmp_path, shell, check):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script(shell))
    done = subprocess.run([*check, tmp_path / "script"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_fish_offers_what_fits():
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    for before, (word, offered, absent) in LINES.items():
        line = " ".join(("tidemark", *before, word))
        done = subprocess.run(["fish", "--no-config", "-c", script("fish") + f"complete -C '{line}'"], capture_output=True, text=True)
        found = {one.split("\t")[0] for one in done.stdout.splitlines()}
        if before != ("completion",):  # It lists options only where one is begun.
            assert {one for one in offered if word.startswith("-") or not one.startswith("-")} <= found and not absent & found, (line, found, done.stderr)


def test_help_is_what_the_command_says_itself():
    for path in ((), ("serve",), ("table", "rollback"), ("event", "quarantine", "drop")):
        told, own = run("help", *path), run(*path, "--help")
        assert told.returncode == 0 and told.stdout == own.stdout and len(told.stdout) > 200, path
    assert all(word in run("help").stdout for word in ("Exit codes:", "6 conflict", "Environment:", "TIDEMARK_KEY", "Examples:"))
    for wrong, said in ((("tabel",), "did you mean `table`?"), (("table", "lst"), "tidemark table: there is no command `lst`; did you mean `list`?"), (("serve", "x"), "no command `x`")):
        done = run("help", *wrong)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    done = run("completion", "tcsh")
    assert done.returncode == 2 and "bash,zsh,fish" in done.stderr.replace(" ", ""), done.stderr
