"""`shoal check`: is a data directory whole, does it fit its Redis, and how to register it again in an empty one."""
