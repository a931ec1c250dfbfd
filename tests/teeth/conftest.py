"""The node's tests are found beside these: pytest takes the first folder called `tests` for all of it."""

from pathlib import Path

import tests

NODE_TESTS = str(Path(__file__).resolve().parents[2] / "services" / "node" / "tests")

if NODE_TESTS not in tests.__path__:
    tests.__path__ = [*tests.__path__, NODE_TESTS]
