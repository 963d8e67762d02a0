"""The baseline: one prompt of the whole transcript to the same small model, written freely."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from assistant.bundled import locate_model
from assistant.draft.weights import load_quietly
from assistant.records import SECTION_NAMES, Deidentified
from assistant.settings import Settings

MAX_NEW_TOKENS = 450  # about 300 words
MAX_PROMPT_TOKENS = 7_600  # the model reads 8,192; a longer session is cut at its end
TASK = (
    "Write a short recovery note of at most 300 words from this session. Use the person's own "
    "words, in the first person. One sentence a line, each line starting with one of: "
    + ", ".join(name for name in SECTION_NAMES if name != "together")
    + ", and a colon. Leave out small talk, jokes, and what they asked not to write down."
)
_LINE = re.compile(r"^\W*(?:(\w+)\s*:)?\s*(.+)$")


@cache
def _load(settings: Settings) -> tuple[Any, Any]:
    return load_quietly(locate_model("drafter", settings=settings))


def write_note(hidden: Deidentified, *, settings: Settings) -> list[tuple[str, str]]:
    """Return (section or "", sentence) for each line the model wrote. Greedy."""
    import torch

    tokenizer, model = _load(settings)
    names = {"person": "Person", "peer": "Peer", "other": "Other"}
    talk = "\n".join(f"{names[turn.role]}: {turn.text}" for turn in hidden.turns)
    ids = tokenizer(talk, add_special_tokens=False)["input_ids"][:MAX_PROMPT_TOKENS]
    messages = [
        {"role": "system", "content": TASK},
        {"role": "user", "content": tokenizer.decode(ids)},
    ]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    wanted = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
    with torch.inference_mode():
        out = model.generate(
            **wanted, max_new_tokens=MAX_NEW_TOKENS, do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
    text = tokenizer.decode(out[0, wanted["input_ids"].shape[1] :], skip_special_tokens=True)
    found = []
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match and re.search(r"\w", match[2]):
            section = (match[1] or "").lower()
            found.append((section if section in SECTION_NAMES else "", match[2].strip()))
    return found
