"""The profile: a command runs as it would, and nothing of what it prints is lost or kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.speed import DEMO, profile_command


@pytest.mark.model
def test_a_profile_names_the_dearest_functions_and_no_words(tmp_path: Path) -> None:
    out = tmp_path / "reports" / "profile.txt"
    profile_command(["deidentify", str(DEMO), "--format", "json"], out, n_rows=5)
    written = out.read_text("utf-8")
    assert "Ordered by: cumulative time" in written
    assert "Ordered by: internal time" in written
    assert "Senait" not in written
