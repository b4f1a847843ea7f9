"""Why a build is not worth finishing, by a newer manifest than the one that it was planned from. Pure.

A config change that no build depends on (metadata, placement, limits) leaves a running build as it is: its swap is
ordered under the new generation. Any other is a reason to stop at once and to plan anew.
"""

from services.optimizer.manifests import ShardView, state_of
from shared.policies.plan import Plan
from shared.schema.collections import CollectionConfig
from shared.schema.segments import builds_of
from shared.segment.layout import layout_of

CHANGED = "the collection's config changed during the build"


def outdated(began: ShardView, now: ShardView, plan: Plan) -> str:
    """Return why a build that began from a manifest should stop; empty while it should go on."""
    if began is now:
        return ""
    missing = [name for name in plan.inputs if state_of(now.manifest, name) == "gone"]
    if missing:
        return f"inputs {missing} are gone"
    if now.manifest.config_generation == began.manifest.config_generation:
        return ""
    if not builds_alike(began.config, now.config):
        return CHANGED
    inputs = set(plan.inputs)
    return "" if any(inputs.intersection(other.inputs) for other in now.plans) else "no longer wanted by the config"


def builds_alike(one: CollectionConfig, other: CollectionConfig) -> bool:
    """Return whether two configs make the same segments of the same rows."""
    return layout_of(one) == layout_of(other) and builds_of(one) == builds_of(other)
