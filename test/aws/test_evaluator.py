"""The evaluator against IAM's documented rules."""

import unittest

from evaluator import allowed


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


class Evaluator(unittest.TestCase):
    def check(self, table):
        for what, want, arguments in table:
            with self.subTest(what):
                self.assertIs(allowed(*arguments[:1], **arguments[1]), want)

    def test_actions_and_resources(self):
        group = "arn:aws:logs:eu-central-1:1:log-group:/app"
        put = [policy(allow(["logs:PutLogEvents", "logs:Get*"], f"{group}:*"))]
        self.check([
            ("as named", True, (put, {"action": "logs:PutLogEvents", "resource": f"{group}:log-stream:a"})),
            ("in other letters", True, (put, {"action": "LOGS:putlogevents", "resource": f"{group}:x"})),
            ("by wildcard", True, (put, {"action": "logs:GetLogEvents", "resource": f"{group}:x"})),
            ("another action", False, (put, {"action": "logs:DeleteLogGroup", "resource": f"{group}:x"})),
            ("a longer action", False, (put, {"action": "logs:PutLogEventsToo", "resource": f"{group}:x"})),
            ("another resource", False, (put, {"action": "logs:PutLogEvents", "resource": f"{group}-other:x"})),
            ("a resource in other letters", False, (put, {"action": "logs:PutLogEvents", "resource": f"{group.upper()}:x"})),
            ("a dot is a dot", False, ([policy(allow("a.b:c"))], {"action": "axb:c"})),
            ("no policy", False, ([], {"action": "logs:PutLogEvents"})),
        ])

    def test_deny_wins(self):
        both = [policy(allow("s3:*"), {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"})]
        self.check([
            ("allowed", True, (both, {"action": "s3:GetObject"})),
            ("denied", False, (both, {"action": "s3:DeleteObject"})),
            ("denied by another policy", False, ([*both, policy({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})], {"action": "s3:GetObject"})),
        ])

    def test_conditions(self):
        via = [policy(allow("kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": ["a", "b"]}}))]
        wide = [policy(allow("kms:Decrypt", Condition={"StringLike": {"kms:ViaService": "secrets.*.com"}, "Bool": {"x": "true"}}))]
        self.check([
            ("one of the values", True, (via, {"action": "kms:Decrypt", "context": {"kms:ViaService": "b"}})),
            ("another value", False, (via, {"action": "kms:Decrypt", "context": {"kms:ViaService": "c"}})),
            ("no value", False, (via, {"action": "kms:Decrypt"})),
            ("all of the keys", True, (wide, {"action": "kms:Decrypt", "context": {"kms:ViaService": "secrets.eu.com", "x": "true"}})),
            ("one of the keys", False, (wide, {"action": "kms:Decrypt", "context": {"kms:ViaService": "secrets.eu.com"}})),
        ])

    def test_boundary(self):
        everything, little = [policy(allow("*"))], policy(allow("logs:PutLogEvents"))
        self.check([
            ("within", True, (everything, {"action": "logs:PutLogEvents", "boundary": little})),
            ("beyond", False, (everything, {"action": "iam:CreateRole", "boundary": little})),
            ("a boundary gives nothing", False, ([], {"action": "logs:PutLogEvents", "boundary": little})),
        ])

    def test_unknown_is_an_error(self):
        for statement in (
            {"Effect": "Allow", "NotAction": "iam:*", "Action": "*", "Resource": "*"},
            allow("*", Condition={"NumericLessThan": {"x": "1"}}),
        ):
            with self.subTest(statement), self.assertRaises(ValueError):
                allowed([policy(statement)], "s3:GetObject")


if __name__ == "__main__":
    unittest.main()
