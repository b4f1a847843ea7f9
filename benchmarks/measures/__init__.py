"""One file a row of the report: each takes the bench, gives plain figures."""
