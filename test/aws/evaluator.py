"""Says whether IAM would allow a call: the part of IAM's rules that our policies use.

An explicit deny wins, then an allow is needed, and where there is a boundary, one there too
(IAM User Guide, "Policy evaluation logic"). What is not known here is an error, so that no
policy passes because it was not understood."""

import re

STATEMENT_KEYS = {"Sid", "Effect", "Action", "Resource", "Condition"}


def allowed(policies, action, resource="*", context=None, boundary=None):
    """Whether policies (documents) allow the action on the resource in the context."""
    decision = evaluate(policies, action, resource, context or {})
    if boundary is not None and decision == "allow":
        decision = evaluate([boundary], action, resource, context or {})
    return decision == "allow"


def evaluate(policies, action, resource, context):
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in policy["Statement"]
        if applies(statement, action, resource, context)
    }
    return "deny" if "Deny" in effects else "allow" if "Allow" in effects else "nothing"


def applies(statement, action, resource, context):
    unknown = set(statement) - STATEMENT_KEYS
    if unknown:
        raise ValueError(f"the evaluator does not know {', '.join(sorted(unknown))} in {statement}")
    return (
        any(like(pattern.lower(), action.lower()) for pattern in several(statement["Action"]))
        and any(like(pattern, resource) for pattern in several(statement["Resource"]))
        and all(holds(*condition, context) for condition in conditions(statement))
    )


def conditions(statement):
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, several(values)


def holds(operator, key, values, context):
    """A key that the call does not have fails: that is so for all operators here."""
    if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool"):
        raise ValueError(f"the evaluator does not know the operator {operator}")
    if key not in context:
        return False
    have = str(context[key])
    if operator in ("StringEquals", "Bool"):
        return have in map(str, values)
    return any(like(value, have) for value in values)


def like(pattern, text):
    """IAM's wildcards: * for anything, ? for one character."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def several(value):
    return value if isinstance(value, list) else [value]
