import pytest

from throughline.record import RunRecord

from .record_factory import make_record


@pytest.fixture(scope="session")
def record() -> RunRecord:
    return make_record()
