"""The encoder with a learned change: the mean of runs, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from assistant.bundled import locate_model
from assistant.encoder_net import RANK, average, build_net, learned_weights, load_net, put_learned
from assistant.settings import load_settings

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


def test_the_mean_of_two_runs_fits_the_network() -> None:
    net = build_net(FOLDER, n_marks=2, n_classes=3)
    put_learned(net, average([changed(1), changed(2)]))


def test_a_file_for_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(changed(1), path)
    with pytest.raises((ValueError, RuntimeError)):
        load_net(FOLDER, path, n_marks=2, n_classes=4)
