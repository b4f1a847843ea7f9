"""Columns: the values of payload paths over a segment's rows, as arrays, for filters.

column_set.py   a segment's columns, overlays included: the door;  column.py  one path of it
kinds.py        which kind of column serves which condition;  field_arrays.py  what every kind offers
cache.py        what is kept in memory;  kept_words.py  answers that are kept
arrays.py       texts, numbers and booleans over rows, filled by parse.py; values, dictionary, growable: its parts
text.py         texts as terms: text_growing.py (text_terms, text_pairs), text_final.py, text_postings.py
paths.py        payload paths;  dates.py  dates

Nothing is imported here: paths and dates are used by processes that must not load kernels.
"""
