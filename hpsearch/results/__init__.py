"""The record: where trials and rows are kept, and what is read from it."""

DEFAULT = "runs/hpsearch.db"  # where the record is unless the user says otherwise
