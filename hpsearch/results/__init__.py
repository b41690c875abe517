"""The record: where trials and rows are kept, and what is read from it."""
