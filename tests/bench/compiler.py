"""What a test says that needs the load generator."""

from bench.load import compiled
from bench.processes import BenchError
from tests.e2e.requirements import needs


def needs_load_generator() -> None:
    """Skip the test, or fail it where nothing may be skipped, if it cannot be compiled."""
    try:
        found = compiled()
    except BenchError:
        found = None
    needs(found, "a C compiler with OpenSSL's headers")
