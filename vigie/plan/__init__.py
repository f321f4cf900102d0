"""The planner: a city in, a plan out; pure and deterministic."""

from vigie.plan.document import dump_plan, load_plan
from vigie.plan.model import Plan
from vigie.plan.planner import plan
from vigie.plan.refusal import PlanRefused, Shortfall
from vigie.plan.variables import host_variables

__all__ = ["Plan", "PlanRefused", "Shortfall", "dump_plan", "host_variables", "load_plan", "plan"]
