"""Points by id, in the order in which they are asked for."""

import numpy as np

from shared.query.fetch import fetch_hits
from shared.query.view import Ranking, Segments, View
from shared.schema.queries import Hit, Retrieve
from shared.segment.id_map import IdBatch


def retrieve_points(segments: Segments, retrieve: Retrieve) -> list[Hit]:
    """Return the points that exist; an id that is asked for twice comes twice. Raises BadFormat for a bad path."""
    view = View.of(segments)
    batch = IdBatch.from_ids(retrieve.ids)
    places, rows = np.full(len(batch), -1), np.full(len(batch), -1)
    for place, one in enumerate(view):
        found = one.segment.rows_of(batch)
        here = (found >= 0) & (found < one.size)
        places[here], rows[here] = place, found[here]
    known = np.flatnonzero(places >= 0)
    ids = [retrieve.ids[one] for one in known.tolist()]
    ranking = Ranking(ids, [0.0] * len(ids), places[known].tolist(), rows[known].tolist())
    return fetch_hits(view, ranking, retrieve.with_payload, retrieve.with_vector)
