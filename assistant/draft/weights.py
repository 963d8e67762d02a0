"""Loading weights from a folder: offline, without progress bars, without running foreign code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def load_quietly(folder: Path) -> tuple[Any, Any]:
    """Return (tokenizer, causal language model in float32, in evaluation mode).

    Only safetensors are read (pickled weights could run code), and nothing is looked up outside
    the folder. float32 whatever the file holds: bfloat16 is slow on processors without support for
    it, and one text would come out differently in another batch. Raises what transformers raises
    (`OSError`, `ValueError`).
    """
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    safe = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(str(folder), **safe)
    model = AutoModelForCausalLM.from_pretrained(
        str(folder), dtype=torch.float32, use_safetensors=True, **safe
    )
    return tokenizer, model.eval()
