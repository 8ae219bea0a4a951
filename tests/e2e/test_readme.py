"""The commands of the README's quick start and those that `make run` prints, as they are written there."""
import re
import subprocess

from support.server import BINARY, ROOT, START_SECONDS_MAX

SECONDS_MAX = 120


def shell(command, folder, **options):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_quick_start(tmp_path):
    """Only the port is another: 8080 may be taken."""
    [block] = re.findall(r"By hand.*?```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    start, *commands = block.splitlines()
    assert start == "build/tidemark serve --dev --data-dir my-data &"
    (tmp_path / "build").mkdir()
    (tmp_path / "build/tidemark").symlink_to(BINARY)
    server = subprocess.Popen([*start.removesuffix(" &").split(), "--http-listen", "127.0.0.1:0"], cwd=tmp_path, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    try:
        address = next(line for line in server.stdout if line.startswith("ready ")).split("//")[1].strip()
        sent, asked, settled, opened = (shell(command.replace("localhost:8080", address), tmp_path) for command in commands)
    finally:
        server.terminate()
        assert server.wait(timeout=START_SECONDS_MAX) == 0
    assert '"status":"accepted"' in sent
    assert "hello,1" in asked
    assert '"cuts":{"default"' in settled
    assert '"rows":1' in opened and "metadata.json" in opened


def test_what_make_run_shows(tmp_path):
    out = shell(f"tools/run.sh {BINARY} 0", ROOT, env={"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path / "data"), "RUN_ONCE": "1"})
    shown = dict(re.findall(r"\$ (.*?)\x1b\[0m\n(.*?)\n(?=\n|\Z)", out, flags=re.S))
    send, ask, open_table = shown
    assert send.startswith("curl ") and '"status":"accepted"' in shown[send], out
    assert " sql " in ask and "page_view" in shown[ask] and "5 rows" in shown[ask], out
    # Its rows are settled: those of the demo that came before.
    assert "pyiceberg" in open_table and int(re.search(r"(\d+) settled events", shown[open_table])[1]) >= 20_000, out
