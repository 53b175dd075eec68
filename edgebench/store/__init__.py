"""Run folders: the journal that is written while measuring, and the tables that are made from it."""

from edgebench.store.folder import RunFolder, create, locked, newest_unfinished, run_folders
from edgebench.store.journal import Journal
from edgebench.store.records import SCHEMA, Run

__all__ = ["SCHEMA", "Journal", "Run", "RunFolder", "create", "locked", "newest_unfinished", "run_folders"]
