"""The Iceberg REST Compatibility Kit, the specification's own suite, against our catalog."""
import pathlib
import re
import subprocess
import xml.etree.ElementTree as xml

import pytest

from services import installed
from support.server import Tidemark

# 157 tests; 12 take themselves out with the kit's default knobs (names with dots, and so on).
PASSED_MIN = 145
SUITES = ["org.apache.iceberg.rest.RESTCompatibilityKitCatalogTests", "org.apache.iceberg.rest.RESTCompatibilityKitViewCatalogTests"]
SECONDS_MAX = 300


@pytest.fixture(scope="module")
def libraries():
    return installed.java_libraries(f"rck-{installed.ICEBERG}", pathlib.Path(__file__).parent / "rck/pom.xml")


def run_kit(libraries, url, reports, selection):
    command = ["java", "-Xmx1g", "-XX:+UseSerialGC", "-Drck.local=false", f"-Duri={url}", "-Dwarehouse=tidemark", "-Drck.requires-namespace-create=true",
               "-Drck.purge-test-namespaces=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{libraries}/*",
               "org.junit.platform.console.ConsoleLauncher", "execute", *selection, "--disable-banner", "--details=none",
               f"--reports-dir={reports}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)


def results(reports):
    """Names of tests that passed, and those that failed with the reason."""
    passed, failed = [], {}
    for report in reports.glob("*.xml"):
        for case in xml.parse(report).iter("testcase"):
            problem = case.find("failure")
            problem = problem if problem is not None else case.find("error")
            if problem is not None:
                failed[case.get("name")] = re.sub(r"\s+", " ", problem.get("message") or "")[:300]
            elif case.find("skipped") is None:
                passed.append(case.get("name"))
    return passed, failed


def test_the_kit_passes(tmp_path, libraries):
    # The kit asks for tables below /tmp by itself.
    with Tidemark(tmp_path / "data", "-X", "catalog.locations=/tmp") as server:
        selection = [word for suite in SUITES for word in ("-c", suite)]
        done = run_kit(libraries, f"http://127.0.0.1:{server.port}/iceberg", tmp_path / "reports", selection)
    passed, failed = results(tmp_path / "reports")
    assert not failed, failed
    assert len(passed) >= PASSED_MIN, done.stdout[-2000:]
