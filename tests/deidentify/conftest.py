"""One detector for all tests here; loading it takes seconds."""

from __future__ import annotations

import pytest

from assistant.deidentify import Detector, load_detector
from assistant.settings import load_settings


@pytest.fixture(scope="session")
def detector() -> Detector:
    return load_detector(settings=load_settings())
