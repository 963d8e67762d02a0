"""The language model's first layers, read both ways: as transformers has them, and bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from assistant import decoder_net
from assistant.bundled import locate_model
from assistant.decoder_net import build_net, load_net
from assistant.encoder_net import learned_weights, load_tokenizer, run_rows
from assistant.errors import ModelUnavailable
from assistant.settings import load_settings

FOLDER = locate_model("drafter", settings=load_settings())
TEXT = "He knew fine well the rent was due, and bought a telly."


@pytest.fixture(autouse=True)
def in_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision rounds by more than what is looked for here."""
    monkeypatch.setattr(decoder_net, "best_type", lambda: torch.float32)


def changed() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    net = build_net(FOLDER, n_marks=2, n_classes=3)
    for name, weight in net.named_parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.01 if name.endswith((".up", ".down")) else 0.1)
    return learned_weights(net)


def test_without_a_change_it_is_the_model_that_was_fetched() -> None:
    from transformers import AutoModel

    net = build_net(FOLDER, n_marks=1, n_classes=576, n_layers=30)
    net.eval()
    with torch.no_grad():
        net.out.weight.copy_(torch.eye(576))
        net.out.bias.zero_()
        pieces = torch.tensor([load_tokenizer(FOLDER).encode(TEXT).ids])
        ours = net(pieces, torch.zeros_like(pieces), torch.ones_like(pieces, dtype=torch.bool))
        whole = AutoModel.from_pretrained(FOLDER, dtype=torch.float32).eval()
        n = pieces.shape[1]
        theirs = whole(
            inputs_embeds=whole.embed_tokens(pieces), attention_mask=torch.zeros(1, 1, n, n),
            use_cache=False,
        ).last_hidden_state  # fmt: skip
    torch.testing.assert_close(ours, theirs, atol=2e-2, rtol=1e-3)


def test_a_row_means_the_same_beside_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(changed(), path)
    net = load_net(FOLDER, path, n_marks=2, n_classes=3)
    ids = np.array(load_tokenizer(FOLDER).encode(TEXT).ids)
    row = (ids, np.ones(len(ids), dtype=np.int64))
    longer = (np.tile(ids, 3), np.ones(3 * len(ids), dtype=np.int64))
    alone = run_rows(net, [row])[0]
    beside = run_rows(net, [row, longer])
    assert [len(one) for one in beside] == [len(ids), 3 * len(ids)]
    np.testing.assert_allclose(beside[0], alone, atol=1e-3)
    np.testing.assert_array_equal(beside[0].argmax(axis=1), alone.argmax(axis=1))


def test_what_comes_after_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(changed(), path)
    net = load_net(FOLDER, path, n_marks=2, n_classes=3)
    ids = np.array(load_tokenizer(FOLDER).encode(TEXT).ids)
    marks = np.ones(len(ids), dtype=np.int64)
    whole, cut = run_rows(net, [(ids, marks), (ids[:6], marks[:6])])
    assert np.abs(whole[0] - cut[0]).max() > 1e-3


@pytest.mark.parametrize("lacks", ["layers.3.gate.up", "out.bias"])
def test_an_adapter_that_lacks_something_is_named(tmp_path: Path, lacks: str) -> None:
    learned = changed()
    del learned[lacks]
    path = tmp_path / "broken.safetensors"
    save_file(learned, path)
    with pytest.raises(ModelUnavailable, match=r"broken\.safetensors"):
        load_net(FOLDER, path, n_marks=2, n_classes=3)


def test_an_adapter_of_another_shape_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(changed(), path)
    with pytest.raises(ModelUnavailable, match=r"other\.safetensors"):
        load_net(FOLDER, path, n_marks=2, n_classes=4)
