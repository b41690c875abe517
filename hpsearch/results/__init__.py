"""The record: where trials and rows are kept, and what is read from it."""

DEFAULT = "runs/hpsearch.db"  # where the record is unless the user says otherwise
FROM_ENVIRONMENT = "HPSEARCH_RECORD"  # the record, for who does not want its URL among the words of a command
