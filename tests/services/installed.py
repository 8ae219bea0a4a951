"""Programs of others that the tests run against: installed once by their ordinary clients, pinned.

They live in build/services, beside the build, so that a second run finds them. What cannot be
installed (no Java, no registry) skips the tests that need it and says why.
"""
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build/services"
INSTALL_SECONDS_MAX = 600

ICEBERG = "1.11.0"
PYICEBERG = "0.12.0"


def run(command, why, **options):
    """Runs an installer; skips the test if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"cannot install {why}: {error}")
    if done.returncode != 0:
        pytest.skip(f"cannot install {why}: {(done.stderr or done.stdout)[-300:]}")


def once(folder, install):
    """The folder, filled by install(new_folder) if it is not there yet; never half filled."""
    if not folder.is_dir():
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        install(new)
        new.rename(folder)
    return folder


def java_libraries(name, pom):
    """A folder with all jars of a pom file, from Maven Central."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            pytest.skip(f"cannot install {name}: there is no {tool}")

    def install(folder):
        shutil.copy(pom, folder / "pom.xml")
        run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/libs", "-DincludeScope=runtime"],
            name, cwd=folder)

    return once(HOME / name, install) / "libs"


def python(name, packages):
    """The interpreter of a virtual environment with these packages, from PyPI."""
    folder = HOME / name

    def install(_):
        pass

    if not (folder / "installed").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        venv.create(folder, with_pip=True)
        run([folder / "bin/python", "-m", "pip", "install", "-q", *packages], name)
        (folder / "installed").touch()
    return folder / "bin/python"


def source_of(package, version):
    """The unpacked source distribution of a PyPI package."""

    def install(folder):
        run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", package, "-d", folder,
             f"{package}=={version}"], f"{package} {version}")
        [archive] = folder.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")

    return once(HOME / f"{package}-{version}-source", install) / f"{package}-{version}"
