"""Shoal measured beside its peers, on the same machine, the same data and in one run. See README.md."""
