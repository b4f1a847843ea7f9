"""`shoal demo`: from nothing to a searched collection, over REST, with figures."""
