"""The CPU level: the highest that runs, never one that would end the process."""

import pytest

from shared.segment.kernels.cpu import HOST, V3, V4, V4_VNNI, best_level, choose_level

V3_FLAGS = dict.fromkeys(("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"), True)
V4_FLAGS = V3_FLAGS | dict.fromkeys(("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"), True)
VNNI_FLAGS = V4_FLAGS | {"avx512vnni": True, "avx512vpopcntdq": True}


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", VNNI_FLAGS, V4_VNNI),
        ("x86_64", V4_FLAGS, V4),
        ("x86_64", V4_FLAGS | {"avx512vnni": True}, V4),
        ("x86_64", V3_FLAGS, V3),
        ("x86_64", V3_FLAGS | {"fma": False}, HOST),
        ("aarch64", VNNI_FLAGS, HOST),
    ],
)
def test_level_is_the_highest_whose_features_are_all_there(machine, flags, expected):
    assert best_level(machine, flags) == expected


def test_wanted_level_is_taken_when_the_machine_runs_it():
    assert choose_level("x86_64", VNNI_FLAGS, "v3") == V3


def test_wanted_level_above_the_machine_is_refused():
    with pytest.raises(ValueError, match="does not run here"):
        choose_level("x86_64", V3_FLAGS, "v4-vnni")


def test_only_levels_with_the_instruction_use_it():
    assert [level.has_vnni for level in (V3, V4, V4_VNNI, HOST)] == [False, False, True, False]
