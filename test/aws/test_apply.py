"""Applies deploy/terraform to an emulator of AWS, and asks AWS's API what is there.

Each profile is a class, its tests in the order of their names: what is there after the first
apply, what a second one with another image changes, what `destroy` leaves. PROFILES names the
profiles; both are run without it."""

import base64
import json
import os
import re
import tempfile
import types
import unittest

import boto3

import calls
import emulator
import terraform
from evaluator import allowed

REGION = "eu-central-1"
REPOSITORY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/windlass"
IMAGE = f"{REPOSITORY}@sha256:{'1' * 64}"
NEXT = f"{REPOSITORY}@sha256:{'2' * 64}"
ACCOUNT = "123456789012"


class Deployment:
    """The tests of a profile. Not a TestCase itself: unittest would run it."""

    maxDiff = None
    profile = ""
    variables = ()
    fleets = {}  # name: roles
    nodes = 1
    tls = waf = False
    boundary = None

    @classmethod
    def setUpClass(cls):
        os.environ.pop("AWS_PROFILE", None)
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        cls.server, cls.endpoint = emulator.start()
        cls.addClassCleanup(cls.server.stop)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder, cls.prefix = folder.name, f"windlass-{cls.profile}"
        cls.prepare()
        cls.before = cls.inventory()
        cls.terraform = terraform.Terraform(cls.folder, cls.endpoint, [
            f"envs/{cls.profile}.tfvars", f"image={IMAGE}", 'alarm_emails=["ops@example.org"]', *cls.variables,
        ])
        cls.terraform.apply()

    @classmethod
    def prepare(cls):
        """What must be there before."""

    @classmethod
    def api(cls, service):
        return boto3.client(service, region_name=REGION, endpoint_url=cls.endpoint, aws_access_key_id="test", aws_secret_access_key="test")

    @classmethod
    def inventory(cls):
        """Everything that the account has, by service."""
        ec2, elb, asg, iam, cache = (cls.api(s) for s in ("ec2", "elbv2", "autoscaling", "iam", "elasticache"))
        logs, cloudwatch, secrets, kms, s3 = (cls.api(s) for s in ("logs", "cloudwatch", "secretsmanager", "kms", "s3"))
        keys = [kms.describe_key(KeyId=k["KeyId"])["KeyMetadata"] for k in kms.list_keys()["Keys"]]
        aliases = kms.list_aliases()["Aliases"]
        aws = {a.get("TargetKeyId") for a in aliases if a["AliasName"].startswith("alias/aws/")}
        zones = cls.api("route53").list_hosted_zones()["HostedZones"]
        found = {
            "security groups": [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]],
            "security group rules": [r["SecurityGroupRuleId"] for r in ec2.describe_security_group_rules()["SecurityGroupRules"]],
            "launch templates": [t["LaunchTemplateId"] for t in ec2.describe_launch_templates()["LaunchTemplates"]],
            "instances": [
                i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]
                if i["State"]["Name"] != "terminated"
            ],
            "volumes": [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]],
            "endpoints": [e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]],
            "load balancers": [b["LoadBalancerArn"] for b in elb.describe_load_balancers()["LoadBalancers"]],
            "target groups": [t["TargetGroupArn"] for t in elb.describe_target_groups()["TargetGroups"]],
            "groups": [g["AutoScalingGroupARN"] for g in asg.describe_auto_scaling_groups()["AutoScalingGroups"]],
            "scaling policies": [p["PolicyARN"] for p in asg.describe_policies()["ScalingPolicies"]],
            "roles": [r["Arn"] for r in iam.list_roles()["Roles"]],
            "instance profiles": [p["Arn"] for p in iam.list_instance_profiles()["InstanceProfiles"]],
            "replication groups": [g["ARN"] for g in cache.describe_replication_groups()["ReplicationGroups"]],
            "cache clusters": [c["CacheClusterId"] for c in cache.describe_cache_clusters()["CacheClusters"]],
            "cache subnet groups": [g["ARN"] for g in cache.describe_cache_subnet_groups()["CacheSubnetGroups"]],
            "cache parameter groups": [g["ARN"] for g in cache.describe_cache_parameter_groups()["CacheParameterGroups"]],
            "cache snapshots": [s["SnapshotName"] for s in cache.describe_snapshots()["Snapshots"]],
            "log groups": [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]],
            "queries": [q["queryDefinitionId"] for q in logs.describe_query_definitions()["queryDefinitions"]],
            "alarms": [a["AlarmArn"] for a in cloudwatch.describe_alarms()["MetricAlarms"]],
            "dashboards": [d["DashboardArn"] for d in cloudwatch.list_dashboards()["DashboardEntries"]],
            "topics": [t["TopicArn"] for t in cls.api("sns").list_topics()["Topics"]],
            "secrets": [s["ARN"] for s in secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]],
            # A key cannot be deleted at once: it waits, and costs nothing.
            "keys": [k["KeyId"] for k in keys if k["KeyState"] != "PendingDeletion" and k["KeyId"] not in aws],
            "key aliases": [a["AliasName"] for a in aliases if not a["AliasName"].startswith("alias/aws/")],
            "buckets": [b["Name"] for b in s3.list_buckets()["Buckets"]],
            "certificates": [c["CertificateArn"] for c in cls.api("acm").list_certificates()["CertificateSummaryList"]],
            "records": [
                f"{r['Name']} {r['Type']}" for z in zones
                for r in cls.api("route53").list_resource_record_sets(HostedZoneId=z["Id"])["ResourceRecordSets"]
            ],
            "firewalls": [a["ARN"] for a in cls.api("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]],
        }
        return {kind: sorted(names) for kind, names in found.items()}

    # What is where.

    def groups(self):
        return {
            g["AutoScalingGroupName"].removeprefix(self.prefix + "-"): g
            for g in self.api("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        }

    def template(self, fleet):
        return self.api("ec2").describe_launch_template_versions(
            LaunchTemplateName=f"{self.prefix}-{fleet}", Versions=["$Latest"],
        )["LaunchTemplateVersions"][0]

    def user_data(self, fleet):
        return base64.b64decode(self.template(fleet)["LaunchTemplateData"]["UserData"]).decode()

    def balancer(self):
        return self.api("elbv2").describe_load_balancers(Names=[self.prefix])["LoadBalancers"][0]

    def secrets(self):
        api = self.api("secretsmanager")
        return {
            s["Name"].rsplit("/", 1)[1]: (s, api.get_secret_value(SecretId=s["ARN"])["SecretString"])
            for s in api.list_secrets()["SecretList"]
        }

    def security_groups(self):
        groups = self.api("ec2").describe_security_groups(Filters=[{"Name": "tag:Application", "Values": ["windlass"]}])["SecurityGroups"]
        return {next(t["Value"] for t in g["Tags"] if t["Key"] == "Name").removeprefix(self.prefix + "-"): g["GroupId"] for g in groups}

    def rules(self, egress):
        """Group, from and to port, and who: a group or a network."""
        names = {group: name for name, group in self.security_groups().items()}
        return sorted(
            (names[r["GroupId"]], r["FromPort"], r["ToPort"], r.get("CidrIpv4") or names[r["ReferencedGroupInfo"]["GroupId"]])
            for r in self.api("ec2").describe_security_group_rules()["SecurityGroupRules"]
            if r["GroupId"] in names and r["IsEgress"] == egress
        )

    def topic(self):
        return self.api("sns").list_topics()["Topics"][0]["TopicArn"]

    # What must be there.

    def test_a_who_may_talk_to_whom(self):
        world = [("alb", 80, 80, "0.0.0.0/0")] + ([("alb", 443, 443, "0.0.0.0/0")] if self.tls else [])
        self.assertEqual(self.rules(egress=False), sorted([*world, ("app", 8000, 8000, "alb"), ("redis", 6379, 6379, "app")]))
        self.assertEqual(self.rules(egress=True), [("alb", 8000, 8000, "app"), ("app", 443, 443, "0.0.0.0/0"), ("app", 6379, 6379, "redis")])

    def test_a_load_balancer(self):
        elb, balancer = self.api("elbv2"), self.balancer()
        self.assertNotEqual(balancer.get("Scheme"), "internal")
        self.assertGreaterEqual(len(balancer["AvailabilityZones"]), 2)
        self.assertEqual(balancer["SecurityGroups"], [self.security_groups()["alb"]])
        have = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]}
        want = {
            "idle_timeout.timeout_seconds": "70",
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "routing.http.desync_mitigation_mode": "strictest",
            "access_logs.s3.enabled": "true",
            "access_logs.s3.bucket": f"{self.prefix}-access-logs-{ACCOUNT}",
        }
        self.assertEqual(have | want, have)
        listeners = {l["Port"]: l for l in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]}
        self.assertEqual(sorted(listeners), [80, 443] if self.tls else [80])
        rules = elb.describe_rules(ListenerArn=listeners[443 if self.tls else 80]["ListenerArn"])["Rules"]
        kept = [r for r in rules if r["Conditions"] and "/metrics" in r["Conditions"][0]["PathPatternConfig"]["Values"]]
        self.assertEqual([r["Actions"][0]["FixedResponseConfig"]["StatusCode"] for r in kept], ["404"], "strangers read metrics")
        if self.tls:
            self.assertEqual(listeners[80]["DefaultActions"][0]["Type"], "redirect")
            redirect = listeners[80]["DefaultActions"][0]["RedirectConfig"]
            self.assertEqual((redirect["Protocol"], redirect["Port"], redirect["StatusCode"]), ("HTTPS", "443", "HTTP_301"))
            self.assertEqual(listeners[443]["SslPolicy"], "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")
            self.assertIn(f":certificate/", listeners[443]["Certificates"][0]["CertificateArn"])

    def test_a_target_group(self):
        elb = self.api("elbv2")
        target = elb.describe_target_groups(Names=[self.prefix])["TargetGroups"][0]
        self.assertEqual((target["Port"], target["Protocol"], target["HealthCheckPath"], target["Matcher"]["HttpCode"]), (8000, "HTTP", "/livez", "200"))
        have = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=target["TargetGroupArn"])["Attributes"]}
        self.assertEqual(have["load_balancing.algorithm.type"], "least_outstanding_requests")
        self.assertEqual(have["deregistration_delay.timeout_seconds"], "65")
        for name, group in self.groups().items():
            self.assertEqual(group["TargetGroupARNs"], [target["TargetGroupArn"]] if "web" in self.fleets[name] else [], name)

    def test_a_fleets(self):
        groups = self.groups()
        self.assertEqual(sorted(groups), sorted(self.fleets))
        for name, group in groups.items():
            with self.subTest(name):
                serves = "web" in self.fleets[name]
                self.assertEqual(len(group["Instances"]), group["MinSize"])
                self.assertGreaterEqual(len(group["VPCZoneIdentifier"].split(",")), 2)
                self.assertEqual(group["HealthCheckType"], "ELB" if serves else "EC2")
                self.assertEqual(group["LaunchTemplate"]["Version"], "1", "by number, so that it can be rolled back")
                tags = {t["Key"]: t["Value"] for t in group["Tags"]}
                self.assertEqual((tags["Application"], tags["Environment"], tags["Name"]), ("windlass", self.profile, f"{self.prefix}-{name}"))

    def test_a_launch_templates(self):
        for name, roles in self.fleets.items():
            with self.subTest(name):
                data = self.template(name)["LaunchTemplateData"]
                self.assertEqual(data["MetadataOptions"]["HttpTokens"], "required")
                self.assertEqual(data["MetadataOptions"]["HttpPutResponseHopLimit"], 1)
                disk = data["BlockDeviceMappings"][0]["Ebs"]
                self.assertEqual((disk["Encrypted"], disk["VolumeType"]), (True, "gp3"))
                self.assertNotIn("KmsKeyId", disk)
                self.assertEqual(data["NetworkInterfaces"][0]["Groups"], [self.security_groups()["app"]])
                self.assertTrue(data["ImageId"].startswith("ami-"))
                self.assertNotIn("KeyName", data)

    def test_a_user_data(self):
        secrets = self.secrets()
        redis = self.api("elasticache").describe_replication_groups(ReplicationGroupId="devops-redis")["ReplicationGroups"][0]
        address = redis["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
        for name, roles in self.fleets.items():
            with self.subTest(name):
                script = self.user_data(name)
                self.assertIn(f"{IMAGE} -role {roles}\n", script)
                self.assertIn(f"WINDLASS_REDIS_URL=rediss://{address}:6379/0\n", script)
                self.assertIn(f"WINDLASS_LOG_GROUP=/windlass/{self.profile}/app\n", script)
                self.assertEqual("WINDLASS_ADMIN_TOKEN_FILE=" in script, "web" in roles)
                self.assertEqual("WINDLASS_TRUSTED_PROXIES=172.31.0.0/16\n" in script, "web" in roles)
                self.assertIn("WINDLASS_SECRETS_KEY_FILE=/run/windlass/secrets-key\n", script)
                self.assertIn("--network host", script)
                for secret, value in secrets.values():
                    self.assertNotIn(value, script)

    def test_a_every_wait_is_longer_than_the_one_in_it(self):
        asg = self.api("autoscaling")
        for name in self.fleets:
            with self.subTest(name):
                script = self.user_data(name)
                number = lambda pattern: int(re.search(pattern, script).group(1))
                hooks = {h["LifecycleHookName"]: h for h in asg.describe_lifecycle_hooks(AutoScalingGroupName=f"{self.prefix}-{name}")["LifecycleHooks"]}
                self.assertEqual(sorted(hooks), ["drain", "launch"])
                self.assertEqual((hooks["drain"]["LifecycleTransition"], hooks["drain"]["DefaultResult"]), ("autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"))
                self.assertEqual((hooks["launch"]["LifecycleTransition"], hooks["launch"]["DefaultResult"]), ("autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"))
                waits = [
                    number(r"WINDLASS_DRAIN=(\d+)s") + 15,  # and requests, and log lines
                    number(r"docker stop --time (\d+)"),
                    number(r"TimeoutStopSec=(\d+)"),
                    hooks["drain"]["HeartbeatTimeout"] - number(r"DEREGISTRATION_SECONDS=(\d+)"),
                ]
                self.assertEqual(waits, sorted(set(waits)))

    def test_a_redis(self):
        cache = self.api("elasticache")
        group = cache.describe_replication_groups(ReplicationGroupId="devops-redis")["ReplicationGroups"][0]
        self.assertTrue(group["TransitEncryptionEnabled"] and group["AtRestEncryptionEnabled"] and group["AuthTokenEnabled"])
        self.assertEqual(group["TransitEncryptionMode"], "required")
        self.assertEqual(len(group["MemberClusters"]), self.nodes)
        word = "enabled" if self.nodes > 1 else "disabled"
        self.assertEqual((group["AutomaticFailover"], group["MultiAZ"]), (word, word))
        self.assertGreater(group["SnapshotRetentionLimit"], 0)
        log = group["LogDeliveryConfigurations"][0]
        self.assertEqual((log["LogType"], log["DestinationDetails"]["CloudWatchLogsDetails"]["LogGroup"]), ("slow-log", f"/windlass/{self.profile}/redis-slow"))
        node = cache.describe_cache_clusters(CacheClusterId=group["MemberClusters"][0])["CacheClusters"][0]
        self.assertEqual([g["SecurityGroupId"] for g in node["SecurityGroups"]], [self.security_groups()["redis"]])
        parameters = cache.describe_cache_parameters(CacheParameterGroupName=node["CacheParameterGroup"]["CacheParameterGroupName"])["Parameters"]
        self.assertIn(("maxmemory-policy", "noeviction"), [(p["ParameterName"], p["ParameterValue"]) for p in parameters])

    def test_a_secrets(self):
        secrets = self.secrets()
        self.assertEqual(sorted(secrets), ["admin-token", "redis-password", "redis-password-next", "secrets-key"])
        for name, (secret, value) in secrets.items():
            if name == "secrets-key":
                self.assertEqual(len(base64.b64decode(value, validate=True)), 32)
            else:
                self.assertRegex(value, "^[0-9a-f]{64}$")
            self.assertIn(":key/", secret["KmsKeyId"])
            self.assertNotIn(value, self.terraform.printed, f"{name} was printed")
        self.assertNotEqual(secrets["admin-token"][1], secrets["redis-password"][1])
        self.assertEqual(self.redis_knows(), [secrets["redis-password"][1]])

    def redis_knows(self):
        """The passwords that Redis takes; no API tells them."""
        return emulator.cache.elasticache_backends[ACCOUNT][REGION].replication_groups["devops-redis"].tokens

    def test_a_logs(self):
        groups = {g["logGroupName"]: g for g in self.api("logs").describe_log_groups()["logGroups"]}
        names = {f"/windlass/{self.profile}/app", f"/windlass/{self.profile}/redis-slow"} | ({f"aws-waf-logs-{self.prefix}"} if self.waf else set())
        self.assertEqual(set(groups), names)
        for name, group in groups.items():
            self.assertGreater(group.get("retentionInDays", 0), 0, name)
            self.assertIn(":key/", group.get("kmsKeyId", ""), name)

    def test_a_queries(self):
        have = self.api("logs").describe_query_definitions()["queryDefinitions"]
        files = (terraform.ROOT / "deploy/logs-insights").glob("*.query")
        self.assertEqual({q["name"]: q["queryString"] for q in have}, {f"windlass/{self.profile}/{f.stem}": f.read_text() for f in files})
        for query in have:
            self.assertEqual(query["logGroupNames"], [f"/windlass/{self.profile}/app"], query["name"])

    def test_a_alarms(self):
        alarms = {a["AlarmName"].removeprefix(self.prefix + "-"): a for a in self.api("cloudwatch").describe_alarms()["MetricAlarms"]}
        nodes = [f"devops-redis-{n + 1:03}" for n in range(self.nodes)]
        want = {"server-errors", "load-balancer-errors", "unhealthy-instances", "slow-requests", "oldest-task", "no-log-lines", "log-lines-behind", "dropped-log-lines"}
        want |= {f"{fleet}-below-minimum" for fleet in self.fleets}
        want |= {f"{node}-{what}" for node in nodes for what in ("memory", "evictions", "cpu")}
        if self.nodes > 1:
            want |= {f"{node}-replication-lag" for node in nodes}
        self.assertEqual(set(alarms), want)
        for name, alarm in alarms.items():
            self.assertEqual(alarm["AlarmActions"], [self.topic()], name)
            self.assertGreater(len(alarm["AlarmDescription"]), 20, name)
        self.assertEqual(alarms["oldest-task"]["TreatMissingData"], "breaching", "it is the heartbeat too")
        self.assertEqual(alarms["slow-requests"]["EvaluateLowSampleCountPercentile"], "ignore", "one slow request on a quiet day is no alarm")
        sns = self.api("sns")
        self.assertIn(":key/", sns.get_topic_attributes(TopicArn=self.topic())["Attributes"]["KmsMasterKeyId"])
        self.assertEqual([s["Endpoint"] for s in sns.list_subscriptions_by_topic(TopicArn=self.topic())["Subscriptions"]], ["ops@example.org"])

    def test_a_dashboard(self):
        body = json.loads(self.api("cloudwatch").get_dashboard(DashboardName=self.prefix)["DashboardBody"])
        self.assertEqual({w["type"] for w in body["widgets"]}, {"alarm", "metric", "log"})
        self.assertEqual(len(body["widgets"][0]["properties"]["alarms"]), len(self.api("cloudwatch").describe_alarms()["MetricAlarms"]))
        self.assertLessEqual(max(w["y"] + w["height"] for w in body["widgets"]), 24, "more than a screen")
        places = [(w["x"], w["y"]) for w in body["widgets"]]
        self.assertEqual(len(places), len(set(places)))

    def test_a_metrics_are_those_of_the_program(self):
        """Alarms, dashboard and scaling name what the program publishes, with its dimensions."""
        published = set()  # names with their dimensions' names
        for line in (terraform.ROOT / "docs/metrics.md").read_text().splitlines():
            cells = [c.strip() for c in line.split("|")]
            if len(cells) > 5 and (name := re.match(r"`(\w+)` \(\w+\) ", cells[5])):
                for dimensions in re.findall(r"by ([A-Z][\w +]*)", cells[5]):
                    published.add((name[1], tuple(dimensions.split(" + "))))
        named = set()
        for alarm in self.api("cloudwatch").describe_alarms()["MetricAlarms"]:
            if alarm["Namespace"] == "Windlass":
                self.assertEqual(alarm["Dimensions"][0], {"Name": "Environment", "Value": self.prefix})
                named.add((alarm["MetricName"], tuple(d["Name"] for d in alarm["Dimensions"])))
        body = json.loads(self.api("cloudwatch").get_dashboard(DashboardName=self.prefix)["DashboardBody"])
        for widget in body["widgets"]:
            for namespace, metric, *rest in widget["properties"].get("metrics", []):
                if namespace == "Windlass":
                    rest = [r for r in rest if isinstance(r, str)]  # what follows is how it is drawn
                    self.assertEqual(rest[:2], ["Environment", self.prefix])
                    named.add((metric, tuple(rest[::2])))
        for policy in self.api("autoscaling").describe_policies()["ScalingPolicies"]:
            for query in policy["TargetTrackingConfiguration"].get("CustomizedMetricSpecification", {}).get("Metrics", []):
                metric = query.get("MetricStat", {}).get("Metric", {})
                if metric.get("Namespace") == "Windlass":
                    named.add((metric["MetricName"], tuple(d["Name"] for d in metric["Dimensions"])))
        self.assertGreaterEqual(len(named), 10)
        self.assertEqual(named - published, set())
        for fleet in self.fleets:
            self.assertIn(f"WINDLASS_ENVIRONMENT={self.prefix}\n", self.user_data(fleet))

    def test_a_access_logs(self):
        s3, bucket = self.api("s3"), f"{self.prefix}-access-logs-{ACCOUNT}"
        self.assertTrue(all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()))
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        self.assertEqual(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
        self.assertGreater(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["Expiration"]["Days"], 0)
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        self.assertIn(("Deny", {"Bool": {"aws:SecureTransport": "false"}}), [(s["Effect"], s.get("Condition")) for s in policy["Statement"]])

    def test_a_tags(self):
        """Each thing says whose it is: those that Terraform knows, and what AWS says of the main ones."""
        want = {"Application": "windlass", "Environment": self.profile, "ManagedBy": "terraform"}
        resources = json.loads(self.terraform.show())["values"]["root_module"]["resources"]
        tagged = {r["address"]: r["values"]["tags_all"] for r in resources if r["mode"] == "managed" and "tags_all" in r["values"]}
        self.assertGreater(len(tagged), 20)
        for address, tags in tagged.items():
            self.assertEqual({**(tags or {}), **want}, tags, address)
        redis = self.api("elasticache").describe_replication_groups()["ReplicationGroups"][0]["ARN"]
        balancer = self.balancer()["LoadBalancerArn"]
        instances = [i for r in self.api("ec2").describe_instances()["Reservations"] for i in r["Instances"]]
        self.assertTrue(instances)
        for what, tags in [
            ("Redis", self.api("elasticache").list_tags_for_resource(ResourceName=redis)["TagList"]),
            ("load balancer", self.api("elbv2").describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"]),
            *[(name, secret["Tags"]) for name, (secret, _) in self.secrets().items()],
            *[(i["InstanceId"], i["Tags"]) for i in instances],
        ]:
            have = {t["Key"]: t["Value"] for t in tags}
            self.assertEqual({**have, **want}, have, what)

    def test_a_outputs(self):
        outputs = self.terraform.outputs()
        name = self.balancer()["DNSName"]
        self.assertEqual(outputs["url"], "https://tasks.example.org" if self.tls else f"http://{name}")
        self.assertEqual(outputs["load_balancer"], name)
        self.assertEqual(outputs["log_group"], f"/windlass/{self.profile}/app")
        self.assertEqual(sorted(outputs["watch_deploy"]), sorted(self.fleets))
        self.assertIn(self.prefix, outputs["dashboard"])
        self.assertEqual(outputs["image"], IMAGE)
        self.assertEqual(outputs["alarms_topic"], self.topic())

    def policy(self, arn):
        iam = self.api("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    def test_a_least_privilege(self):
        """Each role may do what its instances do, and nothing that a stranger would try."""
        boundary = self.boundary and self.policy(self.boundary)
        iam, secrets = self.api("iam"), self.secrets()
        key = self.api("kms").describe_key(KeyId=f"alias/{self.prefix}")["KeyMetadata"]["Arn"]
        groups = self.groups()
        for name, roles in self.fleets.items():
            role = f"{self.prefix}-{name}"
            described = iam.get_role(RoleName=role)["Role"]
            self.assertEqual(described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"), self.boundary)
            trust = described["AssumeRolePolicyDocument"]
            self.assertEqual([s["Principal"] for s in trust["Statement"]], [{"Service": "ec2.amazonaws.com"}])
            self.assertEqual(iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], [])
            policies = [iam.get_role_policy(RoleName=role, PolicyName=p)["PolicyDocument"] for p in iam.list_role_policies(RoleName=role)["PolicyNames"]]
            profile = self.template(name)["LaunchTemplateData"]["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
            self.assertEqual([r["RoleName"] for r in iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]], [role])
            own = {"redis-password", "secrets-key"} | ({"admin-token"} if "web" in roles else set())
            fleet = types.SimpleNamespace(
                name=name, region=REGION, account=ACCOUNT, user_data=self.user_data(name), key=key, spot=False,
                log_group=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/windlass/{self.profile}/app",
                group=groups[name]["AutoScalingGroupARN"],
                secrets=[s["ARN"] for n, (s, _) in secrets.items() if n in own],
                secrets_of_others=[s["ARN"] for n, (s, _) in secrets.items() if n not in own],
                repository=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/windlass",
                instance=f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0123456789abcdef0",
            )
            need = list(calls.needed(fleet))
            for action, resource, context in need:
                with self.subTest(f"{name} needs {action} on {resource}"):
                    self.assertTrue(allowed(policies, action, resource, context, boundary))
            for action, resource, context in calls.forbidden(fleet):
                with self.subTest(f"{name} must not {action} on {resource}"):
                    self.assertFalse(allowed(policies, action, resource, context))
            with self.subTest(f"{name} has nothing that nobody needs"):
                given = {a for p in policies for s in p["Statement"] for a in s["Action"]}
                self.assertEqual(given, {action for action, _, _ in need})

    def test_b_another_image_changes_templates_and_groups_alone(self):
        before, settings = self.inventory(), self.settings()
        self.terraform.apply(image=NEXT)
        after = self.inventory()
        replaced = {"instances", "volumes"}  # the group's affair
        self.assertEqual({k: v for k, v in after.items() if k not in replaced}, {k: v for k, v in before.items() if k not in replaced})
        self.assertEqual(self.settings(), settings)
        for name, roles in self.fleets.items():
            with self.subTest(name):
                self.assertEqual(self.template(name)["VersionNumber"], 2)
                self.assertEqual(self.groups()[name]["LaunchTemplate"]["Version"], "2")
                self.assertIn(f"{NEXT} -role {roles}\n", self.user_data(name))
                refreshes = self.api("autoscaling").describe_instance_refreshes(AutoScalingGroupName=f"{self.prefix}-{name}")["InstanceRefreshes"]
                self.assertEqual(len(refreshes), 1, "instances are not replaced")
                self.assertTrue(refreshes[0]["Preferences"]["AutoRollback"])
                self.assertEqual(len(refreshes[0]["Preferences"]["AlarmSpecification"]["Alarms"]), 2)

    def settings(self):
        """What is not in names: of all but templates and groups."""
        cache, logs, elb = self.api("elasticache"), self.api("logs"), self.api("elbv2")
        iam, balancer = self.api("iam"), self.balancer()["LoadBalancerArn"]
        target = elb.describe_target_groups(Names=[self.prefix])["TargetGroups"][0]
        plain = lambda found: json.dumps(found, default=str, sort_keys=True)
        return {
            "redis": plain(cache.describe_replication_groups()["ReplicationGroups"]),
            "secrets": plain({n: v for n, (_, v) in self.secrets().items()}),
            "log groups": plain(logs.describe_log_groups()["logGroups"]),
            "listeners": plain(elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]),
            "load balancer": plain(elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]),
            "target group": plain([target, elb.describe_target_group_attributes(TargetGroupArn=target["TargetGroupArn"])["Attributes"]]),
            "roles": plain([iam.get_role_policy(RoleName=f"{self.prefix}-{f}", PolicyName="windlass")["PolicyDocument"] for f in self.fleets]),
            "rules": plain([self.rules(True), self.rules(False)]),
        }

    def test_c_new_redis_password(self):
        """The old one stays valid until it is told to go, and everything else stays."""
        old = self.secrets()
        self.terraform.apply(image=NEXT, redis_token_version=2)
        new = self.secrets()
        self.assertNotEqual(new["redis-password"][1], old["redis-password"][1])
        for other in "admin-token", "secrets-key":
            self.assertEqual(new[other][1], old[other][1])
        self.assertEqual(new["redis-password"][0]["ARN"], old["redis-password"][0]["ARN"])
        self.assertEqual(self.redis_knows(), [old["redis-password"][1], new["redis-password"][1]])
        self.assertNotIn(new["redis-password"][1], self.terraform.printed)
        self.assertEqual(self.template(next(iter(self.fleets)))["VersionNumber"], 2, "instances read it by themselves")
        self.terraform.apply(image=NEXT, redis_token_version=2, redis_old_token="false")
        self.assertEqual(self.redis_knows(), [new["redis-password"][1]])

    def test_d_destroy_leaves_nothing(self):
        self.unprotect()
        self.terraform.destroy(image=NEXT, redis_token_version=2, redis_old_token="false", **self.last)
        self.assertEqual(self.inventory(), self.before)

    last = {}

    def unprotect(self):
        pass


class Minimal(Deployment):
    profile = "minimal"
    fleets = {"all": "api,web,worker,scheduler"}


class Production(Deployment):
    profile = "production"
    variables = ("domain_name=tasks.example.org", "hosted_zone_name=example.org")
    fleets = {"web": "api,web,scheduler", "worker": "worker"}
    nodes = 2
    tls = waf = True
    last = {"deletion_protection": "false"}

    @classmethod
    def prepare(cls):
        """The zone, and what bootstrap makes: its boundary is the roles'."""
        cls.api("route53").create_hosted_zone(Name="example.org", CallerReference="test")
        cls.bootstrap = terraform.Terraform(cls.folder, cls.endpoint, [f"region={REGION}", "github_repository=example/windlass"], "bootstrap")
        cls.bootstrap.apply()
        cls.boundary = cls.bootstrap.outputs()["permissions_boundary"]
        cls.variables += (f"permissions_boundary={cls.boundary}",)

    def test_a_bootstrap(self):
        outputs, s3, ecr = self.bootstrap.outputs(), self.api("s3"), self.api("ecr")
        bucket = f"windlass-state-{ACCOUNT}"
        self.assertEqual(outputs["state_bucket"], bucket)
        self.assertEqual(s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        self.assertTrue(all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()))
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        self.assertEqual(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "aws:kms")
        repository = ecr.describe_repositories(repositoryNames=["windlass"])["repositories"][0]
        self.assertEqual((repository["imageTagMutability"], repository["imageScanningConfiguration"]["scanOnPush"]), ("IMMUTABLE", True))
        self.assertEqual(repository["repositoryUri"], outputs["repository_url"])

    def test_a_workflows_roles(self):
        """Who enters is bound to the repository, and who makes roles to the boundary."""
        iam = self.api("iam")
        policies = {}
        for name, subjects in {
            "push": ["repo:example/windlass:ref:refs/heads/main"],
            "plan": ["repo:example/windlass:pull_request", "repo:example/windlass:ref:refs/heads/main"],
            "apply": ["repo:example/windlass:environment:production"],
        }.items():
            role = f"windlass-github-{name}"
            (trust,) = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
            equals = {key.rsplit(":", 1)[1]: value for key, value in trust["Condition"]["StringEquals"].items()}
            self.assertEqual((equals["aud"], equals["sub"]), ("sts.amazonaws.com", subjects))
            policies[name] = [iam.get_role_policy(RoleName=role, PolicyName="workflow")["PolicyDocument"]]
        own, workflows = f"arn:aws:iam::{ACCOUNT}:role/windlass-production-web", f"arn:aws:iam::{ACCOUNT}:role/windlass-github-apply"
        within = {"iam:PermissionsBoundary": self.boundary}
        state = f"arn:aws:s3:::windlass-state-{ACCOUNT}/production.tfstate"
        for name, want, action, resource, context in [
            ("push", True, "ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/windlass", {}),
            ("push", False, "ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/other", {}),
            ("push", False, "s3:GetObject", state, {}),
            ("plan", True, "s3:GetObject", state, {}),
            ("plan", False, "s3:PutObject", state, {}),
            ("plan", True, "s3:PutObject", f"{state}.tflock", {}),
            ("plan", False, "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:other", {}),
            ("apply", True, "s3:PutObject", state, {}),
            ("apply", True, "iam:CreateRole", own, within),
            ("apply", False, "iam:CreateRole", own, {}),
            ("apply", False, "iam:CreateRole", own, {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            ("apply", False, "iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/other", within),
            ("apply", True, "iam:PassRole", own, {"iam:PassedToService": "ec2.amazonaws.com"}),
            ("apply", False, "iam:PassRole", own, {"iam:PassedToService": "lambda.amazonaws.com"}),
            ("apply", False, "iam:PutRolePolicy", workflows, within),
            ("apply", False, "iam:DeleteRole", workflows, {}),
            ("apply", False, "iam:AttachRolePolicy", own, within),
            ("apply", False, "iam:CreateUser", "*", {}),
        ]:
            with self.subTest(f"{name}: {action} on {resource} with {context}"):
                self.assertIs(allowed(policies[name], action, resource, context), want)

    def unprotect(self):
        self.terraform.apply(image=NEXT, redis_token_version=2, redis_old_token="false", **self.last)

    def test_a_name_and_certificate(self):
        route53 = self.api("route53")
        zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
        records = {(r["Name"], r["Type"]): r for r in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
        alias = records["tasks.example.org.", "A"]["AliasTarget"]
        self.assertEqual(alias["DNSName"].rstrip("."), self.balancer()["DNSName"])
        acm = self.api("acm")
        certificate = acm.describe_certificate(CertificateArn=acm.list_certificates()["CertificateSummaryList"][0]["CertificateArn"])["Certificate"]
        self.assertEqual((certificate["DomainName"], certificate["Status"]), ("tasks.example.org", "ISSUED"))

    def test_a_firewall(self):
        waf = self.api("wafv2")
        acl = waf.list_web_acls(Scope="REGIONAL")["WebACLs"][0]
        rules = {r["Name"]: r for r in waf.get_web_acl(Name=acl["Name"], Id=acl["Id"], Scope="REGIONAL")["WebACL"]["Rules"]}
        self.assertEqual(set(rules), {"rate", "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"})
        self.assertEqual(waf.get_web_acl_for_resource(ResourceArn=self.balancer()["LoadBalancerArn"])["WebACL"]["ARN"], acl["ARN"])
        logging = waf.get_logging_configuration(ResourceArn=acl["ARN"])["LoggingConfiguration"]
        self.assertEqual({f["SingleHeader"]["Name"] for f in logging["RedactedFields"]}, {"authorization", "cookie"})

    def test_a_scaling(self):
        policies = {(p["AutoScalingGroupName"], p["PolicyName"]): p["TargetTrackingConfiguration"] for p in self.api("autoscaling").describe_policies()["ScalingPolicies"]}
        self.assertEqual(set(policies), {(f"{self.prefix}-web", "requests"), (f"{self.prefix}-worker", "backlog"), (f"{self.prefix}-worker", "oldest-task")})
        backlog = policies[f"{self.prefix}-worker", "backlog"]
        self.assertEqual(backlog["TargetValue"], 200)
        queries = {m["Id"]: m for m in backlog["CustomizedMetricSpecification"]["Metrics"]}
        self.assertEqual(queries["each"]["Expression"], "IF(instances > 0, (q0) / instances, q0)")
        self.assertEqual([m for m, q in queries.items() if q["ReturnData"]], ["each"])
        (age,) = policies[f"{self.prefix}-worker", "oldest-task"]["CustomizedMetricSpecification"]["Metrics"]
        for query, name in (queries["q0"], "ServedBacklog"), (age, "ServedOldestPendingAge"):
            metric = query["MetricStat"]["Metric"]
            self.assertEqual((metric["Namespace"], metric["MetricName"], metric["Dimensions"]), ("Windlass", name, [{"Name": "Environment", "Value": self.prefix}]))
        self.assertEqual(policies[f"{self.prefix}-web", "requests"]["PredefinedMetricSpecification"]["PredefinedMetricType"], "ALBRequestCountPerTarget")


def load_tests(loader, _tests, _pattern):
    """The profiles that PROFILES names, each with the tests of Deployment."""
    suite, every = unittest.TestSuite(), {"minimal": Minimal, "production": Production}
    for name in os.environ.get("PROFILES", "minimal,production").split(","):
        case = type(every[name].__name__, (every[name], unittest.TestCase), {})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    unittest.main()
