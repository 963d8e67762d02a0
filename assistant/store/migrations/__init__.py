"""Schema changes of `words.db`, run by Alembic only when the stored version differs.

A new one goes into `versions/` with the next number as its revision, its changes written out by
hand, and the same number as `SCHEMA` in `store/tables.py`. A test compares both.
"""
