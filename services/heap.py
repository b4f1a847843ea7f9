"""The garbage collector of a service: what keeps it from holding the loop while requests wait.

What a service has loaded by the time it is ready (modules, kernels, tables) lives as long as the process: a full
collection that looks at all of it takes 30 to 100 ms. What a request makes is freed by its reference counts when the
request ends; but while a large body is in work its lists are young objects, and each collection of the young ones
reads all their elements. So the collector leaves out what is there at the start, and looks for cycles less often.
"""

import gc

YOUNG_MAX = 10_000
"""New objects before the collector looks at them: more than several large bodies in work are; the default is 700."""


def settle_heap() -> None:
    """Leave what lives now out of all later collections, and have them come rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)
