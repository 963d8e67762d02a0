"""The encoder with a learned change: the mean of runs, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from assistant.bundled import locate_model
from assistant.encoder_net import (
    RANK,
    build_net,
    learned_weights,
    load_net,
    load_plain,
    put_learned,
)
from assistant.errors import ModelUnavailable
from assistant.settings import load_settings
from models.train_identifiers import average

FOLDER = locate_model("encoder", settings=load_settings())


def changed(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    net = build_net(FOLDER, n_marks=2, n_classes=3)
    for name, weight in net.named_parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.02 if name.endswith((".up", ".down")) else 0.5)
    return learned_weights(net)


def test_the_mean_of_one_run_is_that_run() -> None:
    one = changed(1)
    mean = average([one, one])
    assert set(mean) == set(one)
    name = "layers.0.query"
    torch.testing.assert_close(
        mean[f"{name}.up"].float() @ mean[f"{name}.down"].float(),
        one[f"{name}.up"].float() @ one[f"{name}.down"].float(), atol=2e-3, rtol=0.05,
    )  # fmt: skip
    assert mean[f"{name}.down"].shape[0] == RANK


def test_the_mean_of_two_runs_is_half_of_each_and_fits_the_network() -> None:
    one, two = changed(1), changed(2)
    mean = average([one, two])
    put_learned(build_net(FOLDER, n_marks=2, n_classes=3), mean)
    torch.testing.assert_close(
        mean["out.weight"].float(), (one["out.weight"].float() + two["out.weight"].float()) / 2,
        atol=2e-3, rtol=0.05,
    )  # fmt: skip
    name = "layers.0.query"
    # Two changes of rank 32 make one of rank 64; what the cut keeps is the nearest of rank 32.
    whole = sum((c[f"{name}.up"].float() @ c[f"{name}.down"].float()) / 2 for c in (one, two))
    kept = mean[f"{name}.up"].float() @ mean[f"{name}.down"].float()
    lost = torch.linalg.svdvals(whole)[RANK:].square().sum().sqrt()
    assert float((whole - kept).norm()) == pytest.approx(float(lost), rel=0.05)


def test_what_is_learned_for_one_net_reaches_no_other(tmp_path: Path) -> None:
    pieces = torch.tensor([[101, 7592, 2088, 102]])
    nothing = torch.zeros_like(pieces)
    before = load_plain(FOLDER).read(pieces, nothing, pieces != 0)
    path = tmp_path / "x.safetensors"
    save_file(changed(1), path)
    net = load_net(FOLDER, path, n_marks=2, n_classes=3)
    trained = build_net(FOLDER, n_marks=2, n_classes=3)
    with torch.no_grad():
        for weight in trained.parameters():
            if weight.requires_grad:
                weight += 1
    after = load_plain(FOLDER).read(pieces, nothing, pieces != 0)
    assert torch.equal(before, after)
    assert not torch.allclose(net.read(pieces, nothing, pieces != 0), after, atol=1e-3)


def test_nets_share_the_frozen_words(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(changed(1), path)
    net = load_net(FOLDER, path, n_marks=2, n_classes=3)
    assert net.words.weight.data_ptr() == load_plain(FOLDER).words.weight.data_ptr()


def test_a_file_for_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(changed(1), path)
    with pytest.raises(ModelUnavailable, match=r"x\.safetensors"):
        load_net(FOLDER, path, n_marks=2, n_classes=4)
