"""What a search says about quantized codes, as the edge understands it."""

import json

import pytest

from services.api.validate.filters import FilterLimits
from services.api.validate.limits import Limits
from services.api.validate.searches import parse_query
from shared.errors import BadFormat
from shared.schema.queries import QuantizationParams

LIMITS = Limits(points_max=10, limit_max=10, searches_max=10, filter=FilterLimits(5, 2))


def given(quantization: object) -> QuantizationParams:
    """The params that a query body with this `quantization` asks for."""
    body = json.dumps({"query": [1, 0], "params": {"quantization": quantization}}).encode()
    return parse_query(body, LIMITS).params.quantization


def test_codes_are_used_and_rescored_unless_a_search_says_otherwise() -> None:
    nothing, empty, nulls = given(None), given({}), given({"ignore": None, "rescore": None, "oversampling": None})

    assert nothing == empty == nulls == QuantizationParams(ignore=False, rescore=True, oversampling=1.0)


def test_what_a_search_says_is_taken() -> None:
    asked = given({"ignore": True, "rescore": False, "oversampling": 2.5})

    assert asked == QuantizationParams(ignore=True, rescore=False, oversampling=2.5)


@pytest.mark.parametrize("wrong", [{"ignore": 1}, {"rescore": "yes"}, {"oversampling": "2"}, [], "x"])
def test_other_types_are_refused(wrong: object) -> None:
    with pytest.raises(BadFormat):
        given(wrong)
