"""Tricks as data, one file per paper: what each sets, and what was claimed for it."""
