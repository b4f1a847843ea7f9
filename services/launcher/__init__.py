"""`shoal serve`: starts Redis, workers, optimizer and api processes on one machine and leaves none behind."""
