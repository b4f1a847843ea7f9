"""Strict mode: what a collection refuses once it is enabled (features.md section 7, texts of envelope.md section 6)."""
