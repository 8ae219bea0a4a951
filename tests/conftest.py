"""Fixtures for the tests that run the real binary."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from support.server import Tidemark  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=30, help="how often the crash test kills the server")
    parser.addoption("--seed", type=int, default=1, help="of the crash test's choices, and the first of those of statements made at random")
    parser.addoption("--worlds", type=int, default=6, help="how many seeds the test of any statement takes")


@pytest.fixture
def server(tmp_path):
    with Tidemark(tmp_path / "data") as running:
        yield running
