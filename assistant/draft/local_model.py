"""A causal language model in a folder, on this machine's CPU, writing inside a `CopyGraph`.

Only the places where the graph leaves a choice cost a step: whatever is forced is read in one go.
All statements of a batch move together, padded on the left, behind one shared prompt whose keys and
values are computed once. Greedy and in float32, so the same statement gives the same text.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.bundled import weights_digest
from assistant.draft.copying import CopyGraph, strip_markup
from assistant.draft.disfluency import find_disfluencies, needs_tidying, tidy_plainly
from assistant.draft.model import RewriteJob
from assistant.draft.weights import load_quietly
from assistant.errors import ModelUnavailable
from assistant.records import ModelInfo

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache

MAX_WORDS = 120  # a longer statement is tidied by rule alone: it would slow the whole batch
# Added for each span left out, because a small model copies too faithfully: at 0 it keeps most
# false starts. Chosen from 0 to 4 on 92 statements (models/cards/smollm2-135m-instruct.md).
SKIP_BONUS_NATS = 3.0
ANCHOR = "a"  # words are tokenised behind a word, as they stand in a sentence

TASK = (
    "Clean up what was said. Leave out fillers, repeated words and false starts. "
    "Keep every other word as it was said. Add nothing."
)
EXAMPLES = (  # fictional; between them they show each kind of choice, and that dialect stays
    ("So yeah we took the bus you know and I seen the heron again.",
     "We took the bus and I seen the heron again."),
    ("She were — my cousin were selling them pies for ten dollars.",
     "My cousin were selling them pies for ten dollars."),
    ("And then it's like a quiet place and nobody like bothers me there.",
     "It's a quiet place and nobody bothers me there."),
    ("He don't like crowds but he like came anyway.",
     "He don't like crowds but he came anyway."),
)  # fmt: skip


class LocalModel:
    """Any transformers causal language model with a tokenizer, read from a folder."""

    def __init__(self, folder: Path, *, name: str, batch_size: int) -> None:
        try:
            self._tokenizer, self._model = load_quietly(folder)
        except (OSError, ValueError, ImportError, KeyError):
            raise ModelUnavailable(
                f"The model in {folder} cannot be loaded: it must be a transformers causal "
                "language model with safetensors weights and a tokenizer. Name another folder."
            ) from None
        self.info = ModelInfo(name=name, backend="transformers", digest=weights_digest(folder))
        self._batch_size = batch_size
        added = self._tokenizer.added_tokens_decoder.values()
        self._special = tuple(token.content for token in added if token.special)
        self._encode_word = lru_cache(maxsize=20_000)(self._tokens_behind_anchor)
        prefix, self._suffix = self._prompt_parts()
        self._prefix = self._read_prefix(self._ids(prefix))

    def rewrite(self, jobs: Sequence[RewriteJob]) -> tuple[str, ...]:
        """Tidy each statement; one that has nothing to tidy comes back as it is."""
        statements = [self._strip(job.statement) for job in jobs]
        outputs = [settle_by_rule(statement) for statement in statements]
        waiting = [at for at, output in enumerate(outputs) if output is None]
        waiting.sort(key=lambda at: (len(statements[at]), at))  # little padding
        for start in range(0, len(waiting), self._batch_size):
            rows = waiting[start : start + self._batch_size]
            for at, text in zip(rows, self._write([statements[r] for r in rows]), strict=True):
                outputs[at] = text
        return tuple(output or "" for output in outputs)

    def _write(self, statements: list[str]) -> list[str]:
        """Walk every statement's graph, all rows at once."""
        import torch

        rows = [self._start_row(statement) for statement in statements]
        alive = list(range(len(rows)))
        cache = copy.deepcopy(self._prefix)
        n_prefix = cache.get_seq_length()
        cache.batch_repeat_interleave(len(rows))
        mask = torch.ones((len(rows), n_prefix), dtype=torch.long)
        with torch.inference_mode():
            while alive:
                ids, seen = self._pad_left([rows[at].unread for at in alive])
                mask = torch.cat([mask, seen], dim=1)
                positions = (mask.cumsum(dim=1) - 1)[:, -ids.shape[1] :]
                logits = self._model(
                    input_ids=ids, attention_mask=mask, position_ids=positions,
                    past_key_values=cache, use_cache=True, logits_to_keep=1,
                ).logits[:, -1]  # fmt: skip
                for row, scores in zip([rows[at] for at in alive], logits, strict=True):
                    row.choose(scores)
                keep = [k for k, at in enumerate(alive) if rows[at].graph.text is None]
                if len(keep) < len(alive):
                    alive = [alive[k] for k in keep]
                    mask = mask[keep]
                    cache.batch_select_indices(torch.tensor(keep, dtype=torch.long))
        return [row.graph.text or "" for row in rows]

    def _start_row(self, statement: str) -> _Row:
        tidying = find_disfluencies(statement)
        prompt = self._ids(tidy_plainly(statement) + self._suffix)
        graph = CopyGraph(
            tidying, encode=self._encode_word, stop_token=self._tokenizer.eos_token_id
        )
        row = _Row(graph=graph, unread=prompt)
        row.follow()
        return row

    def _pad_left(self, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Return (ids, mask), each of shape (rows, longest row)."""
        import torch

        width = max(len(row) for row in rows)
        pad = self._tokenizer.eos_token_id
        ids = [[pad] * (width - len(row)) + row for row in rows]
        seen = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        return torch.tensor(ids), torch.tensor(seen)

    def _prompt_parts(self) -> tuple[str, str]:
        """The prompt up to where the statement goes, and from there on."""
        place = "\u241f"
        turns = [{"role": "system", "content": TASK}]
        for said, written in EXAMPLES:
            turns.append({"role": "user", "content": said})
            turns.append({"role": "assistant", "content": written})
        turns.append({"role": "user", "content": place})
        if self._tokenizer.chat_template:
            prompt = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        else:  # a model without a chat format reads plain lines
            shown = "".join(f"Said: {said}\nWritten: {written}\n\n" for said, written in EXAMPLES)
            prompt = f"{TASK}\n\n{shown}Said: {place}\nWritten:"
        prefix, _, suffix = str(prompt).partition(place)
        return prefix, suffix

    def _read_prefix(self, ids: list[int]) -> DynamicCache:
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            cache = DynamicCache(config=self._model.config)
            self._model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True)
        return cache

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _tokens_behind_anchor(self, word: str, first: bool) -> tuple[int, ...]:
        if first:
            return tuple(self._ids(word))
        anchor = self._ids(ANCHOR)
        return tuple(self._ids(f"{ANCHOR} {word}")[len(anchor) :])

    def _strip(self, statement: str) -> str:
        """Remove this model's own control tokens, whatever they look like, and the common ones."""
        before = None
        while before != statement:
            before = statement
            for token in self._special:
                statement = statement.replace(token, " ")
            statement = strip_markup(statement)
        return statement


@dataclass(slots=True)
class _Row:
    """One statement under way: its graph and the tokens the model has not read yet."""

    graph: CopyGraph
    unread: list[int]

    def choose(self, scores: Tensor) -> None:
        """Take the likeliest of what the graph allows, then everything it leaves no choice in."""
        allowed = self.graph.allowed()
        bonus = scores.new_tensor(self.graph.skips()) * SKIP_BONUS_NATS
        best = int((scores[list(allowed)] + bonus).argmax())
        self.unread = []
        self._take(allowed[best])
        self.follow()

    def follow(self) -> None:
        while len(allowed := self.graph.allowed()) == 1:
            self._take(allowed[0])

    def _take(self, token: int) -> None:
        self.unread.append(token)
        self.graph.advance(token)


def settle_by_rule(statement: str) -> str | None:
    """The tidied statement where rules settle it, None where a model has something to decide."""
    if not needs_tidying(statement):
        return statement
    tidying = find_disfluencies(statement)
    return None if tidying.is_open and len(tidying.words) <= MAX_WORDS else tidy_plainly(statement)
