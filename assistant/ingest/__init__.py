"""From a file to a `Transcript`: who said what, in order, with nothing dropped silently.

`read_transcript` takes a path, `parse_transcript` takes bytes. One module reads one family of
formats: `plain` (`Name: words`), `cues` (WebVTT, SRT and their relatives), `whisper` (JSON of
speech recognisers), `blocks` (a name and a time above the words: Zoom, Teams, Otter), `stamped` (a
time before each line: chat exports, WhatsApp, generic logs), `signal` (message blocks), `word`
(DOCX, whose paragraphs are then read as one of these). The format is told by what is in the file.

Line numbers are 1-based lines of the file; in DOCX they count paragraphs, in JSON segments.
"""

from __future__ import annotations

from assistant.ingest.read import parse_transcript, read_transcript

__all__ = ["parse_transcript", "read_transcript"]
