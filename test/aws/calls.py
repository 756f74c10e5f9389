"""The calls to AWS that an instance makes: what its role must allow, and nothing else.

Each is an action, a resource and the context that IAM sees. The program's are those that its tests
recorded (internal/awslogs/testdata/calls.json); user data's are read out of the user data."""

import json
import re

from terraform import ROOT

# The command line's word for each action that user data takes, and what it is taken on.
COMMANDS = {
    ("secretsmanager", "get-secret-value"): "secretsmanager:GetSecretValue",
    ("autoscaling", "complete-lifecycle-action"): "autoscaling:CompleteLifecycleAction",
    ("autoscaling", "terminate-instance-in-auto-scaling-group"): "autoscaling:TerminateInstanceInAutoScalingGroup",
}

# Docker's pull with the credential helper: Amazon ECR User Guide, "Private repository policy
# examples", and "Registry authentication".
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

# The agent of Session Manager: AWS Systems Manager User Guide, "Adding Session Manager permissions
# to an existing IAM role".
SESSION_MANAGER = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]


def of_program():
    """What the program calls where its log group is there."""
    return json.loads((ROOT / "internal/awslogs/testdata/calls.json").read_text())["group is there"]


def of_user_data(script):
    """Action by action, in the words of IAM. A command that is not known is an error."""
    found = set()
    for service, command in re.findall(r"\baws ([a-z0-9-]+) ([a-z-]+)", script):
        if (service, command) not in COMMANDS:
            raise ValueError(f"calls.py does not know `aws {service} {command}`: add it, and allow it")
        found.add(COMMANDS[service, command])
    return found


def needed(fleet):
    """All calls of a fleet's instances."""
    for action in of_program():
        yield action, f"{fleet.log_group}:log-stream:{fleet.name}/ip-10-0-0-1/boot", {}
    script = of_user_data(fleet.user_data)
    for action in script & {"autoscaling:CompleteLifecycleAction", "autoscaling:TerminateInstanceInAutoScalingGroup"}:
        yield action, fleet.group, {}
    for secret in fleet.secrets:
        assert "secretsmanager:GetSecretValue" in script
        yield "secretsmanager:GetSecretValue", secret, {}
        yield "kms:Decrypt", fleet.key, {"kms:ViaService": f"secretsmanager.{fleet.region}.amazonaws.com"}
    if fleet.repository:
        yield "ecr:GetAuthorizationToken", "*", {}
        for action in PULL:
            yield action, fleet.repository, {}
    for action in SESSION_MANAGER:
        yield action, "*", {}
    yield "ssm:UpdateInstanceInformation", fleet.instance, {}


def forbidden(fleet):
    """What a stranger on the instance would try."""
    account = f"{fleet.region}:{fleet.account}"
    yield from [
        # Its own log group's end, and other groups.
        ("logs:DeleteLogGroup", fleet.log_group, {}),
        ("logs:DeleteLogStream", f"{fleet.log_group}:log-stream:x", {}),
        ("logs:GetLogEvents", f"{fleet.log_group}:log-stream:x", {}),
        ("logs:CreateLogGroup", fleet.log_group, {}),
        ("logs:PutRetentionPolicy", fleet.log_group, {}),
        ("logs:PutLogEvents", f"arn:aws:logs:{account}:log-group:/other:log-stream:x", {}),
        ("logs:PutLogEvents", f"{fleet.log_group}-other:log-stream:x", {}),
        # Secrets of others, and changing its own.
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{account}:secret:other-AbCdEf", {}),
        *[("secretsmanager:PutSecretValue", secret, {}) for secret in fleet.secrets],
        *[("secretsmanager:GetSecretValue", secret, {}) for secret in fleet.secrets_of_others],
        ("secretsmanager:ListSecrets", "*", {}),
        ("kms:Decrypt", fleet.key, {}),
        ("kms:Decrypt", fleet.key, {"kms:ViaService": f"s3.{fleet.region}.amazonaws.com"}),
        ("kms:Decrypt", f"arn:aws:kms:{account}:key/other", {"kms:ViaService": f"secretsmanager.{fleet.region}.amazonaws.com"}),
        ("kms:ScheduleKeyDeletion", fleet.key, {}),
        # More instances, other groups, more rights.
        ("autoscaling:SetDesiredCapacity", fleet.group, {}),
        ("autoscaling:UpdateAutoScalingGroup", fleet.group, {}),
        ("autoscaling:CompleteLifecycleAction", f"{fleet.group}-other", {}),
        ("ec2:RunInstances", "*", {}),
        ("ec2:DescribeInstances", "*", {}),
        ("ec2:ModifyInstanceMetadataOptions", fleet.instance, {}),
        ("iam:PassRole", "*", {}),
        ("iam:CreateRole", "*", {}),
        ("iam:PutRolePolicy", "*", {}),
        ("sts:AssumeRole", "*", {}),
        ("ssm:SendCommand", "*", {}),
        ("ssm:StartSession", fleet.instance, {}),
        ("ssm:GetParameter", f"arn:aws:ssm:{account}:parameter/other", {}),
        # Others' data.
        ("s3:GetObject", "arn:aws:s3:::any/thing", {}),
        ("s3:PutObject", "arn:aws:s3:::any/thing", {}),
        ("s3:ListAllMyBuckets", "*", {}),
        ("dynamodb:Scan", "*", {}),
        ("elasticache:DeleteReplicationGroup", "*", {}),
        ("elasticache:ModifyReplicationGroup", "*", {}),
        ("ecr:PutImage", fleet.repository or "*", {}),
        ("ecr:BatchGetImage", f"arn:aws:ecr:{account}:repository/other", {}),
        ("cloudwatch:PutMetricAlarm", "*", {}),
        ("cloudwatch:DeleteAlarms", "*", {}),
        ("sns:Publish", "*", {}),
    ]
    if not fleet.spot:
        yield "autoscaling:TerminateInstanceInAutoScalingGroup", fleet.group, {}
