"""AWS for the tests: moto in this process, with what it lacks of ElastiCache, Auto Scaling and Logs."""

import json
import logging
import urllib.request
from datetime import datetime, timezone

from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache import models as cache
from moto.elasticache.responses import ElastiCacheResponse
from moto.logs.responses import LogsResponse
from moto.server import ThreadedMotoServer


class ParameterGroup:
    def __init__(self, name, family, description, arn):
        self.cache_parameter_group_name = name
        self.cache_parameter_group_family = family
        self.description = description
        self.is_global = False
        self.arn = arn
        self.values = {}


class ElastiCache(ElastiCacheResponse):
    """Parameter groups, the end of subnet groups, changes of replication groups."""

    @property
    def groups(self):
        backend = self.elasticache_backend
        if not hasattr(backend, "parameter_groups"):
            backend.parameter_groups = {}
        return backend.parameter_groups

    def group(self):
        name = self._get_param("CacheParameterGroupName")
        if name not in self.groups:
            raise cache.ReplicationGroupNotFound(name)
        return self.groups[name]

    def create_cache_parameter_group(self):
        backend, name = self.elasticache_backend, self._get_param("CacheParameterGroupName")
        arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:parametergroup:{name}"
        family, text = self._get_param("CacheParameterGroupFamily"), self._get_param("Description")
        self.groups[name] = ParameterGroup(name, family, text, arn)
        backend.tagging_service.tag_resource(arn, self._get_param("Tags", []))
        return ActionResult({"CacheParameterGroup": self.groups[name]})

    def describe_cache_parameter_groups(self):
        found = [self.group()] if self._get_param("CacheParameterGroupName") else list(self.groups.values())
        return ActionResult({"CacheParameterGroups": found})

    def modify_cache_parameter_group(self):
        group = self.group()
        for p in self._get_param("ParameterNameValues", []):
            group.values[p["ParameterName"]] = p["ParameterValue"]
        return ActionResult({"CacheParameterGroupName": group.cache_parameter_group_name})

    def reset_cache_parameter_group(self):
        return ActionResult({"CacheParameterGroupName": self.group().cache_parameter_group_name})

    def describe_cache_parameters(self):
        values = self.group().values
        return ActionResult({"Parameters": [
            {"ParameterName": n, "ParameterValue": v, "Source": "user"} for n, v in values.items()
        ]})

    def delete_cache_parameter_group(self):
        del self.groups[self.group().cache_parameter_group_name]
        return EmptyResult()

    def delete_cache_subnet_group(self):
        del self.elasticache_backend.cache_subnet_groups[self._get_param("CacheSubnetGroupName")]
        return EmptyResult()

    def modify_replication_group(self):
        backend = self.elasticache_backend
        group = backend.describe_replication_groups(self._get_param("ReplicationGroupId"))[0]
        if self._get_param("AuthToken"):
            # ROTATE adds a password to the one that there is; SET leaves the new one alone.
            token, strategy = self._get_param("AuthToken"), self._get_param("AuthTokenUpdateStrategy")
            group.tokens = [token] if strategy == "SET" else [*group.tokens, token][-2:]
        return ActionResult({"ReplicationGroup": group})


class Cache(cache.ElastiCacheBackend):
    def create_group(self, **given):
        if given["cluster_mode"] != "enabled" and given["num_cache_clusters"]:
            given["replicas_per_node_group"] = given["num_cache_clusters"] - 1
        group = create_replication_group(self, **given)
        group.tokens = [given["auth_token"]] if given["auth_token"] else []
        for name in group.member_clusters:
            self.cache_clusters[name] = member(self, name, given)
        return group

    def delete_group(self, replication_group_id, retain_primary_cluster):
        group = self.describe_replication_groups(replication_group_id)[0]
        for name in group.member_clusters:
            del self.cache_clusters[name]
        del self.replication_groups[replication_group_id]
        group.status = "deleting"
        return group


def member(backend, name, given):
    """A node of a replication group, as DescribeCacheClusters tells it."""
    empty = dict.fromkeys(cache.CacheCluster.__init__.__annotations__)
    empty.pop("return", None)
    node = cache.CacheCluster(**(empty | {
        "account_id": backend.account_id, "region_name": backend.region_name, "cache_cluster_id": name,
        "engine": given["engine"], "num_cache_nodes": 1,
    } | {key: given[key] for key in (
        "replication_group_id", "cache_node_type", "engine_version", "cache_parameter_group_name",
        "cache_subnet_group_name", "transit_encryption_enabled", "port", "auto_minor_version_upgrade",
        "preferred_maintenance_window", "snapshot_retention_limit", "snapshot_window",
    )}))
    node.num_cache_nodes = 1
    node.at_rest_encryption_enabled = given["at_rest_encryption_enabled"]
    node.cache_parameter_group = {"CacheParameterGroupName": given["cache_parameter_group_name"], "ParameterApplyStatus": "in-sync"}
    node.security_groups = [{"SecurityGroupId": g, "Status": "active"} for g in given["security_group_ids"] or []]
    return node


def start_instance_refresh(self):
    backend, name = self.autoscaling_backend, self._get_param("AutoScalingGroupName")
    refreshes = backend.__dict__.setdefault("refreshes", {}).setdefault(name, [])
    refreshes.insert(0, {
        "InstanceRefreshId": f"refresh-{len(refreshes) + 1}", "AutoScalingGroupName": name, "Status": "Successful",
        "StartTime": datetime.now(timezone.utc), "PercentageComplete": 100,
        "Preferences": self._get_param("Preferences", {}),
    })
    return ActionResult({"InstanceRefreshId": refreshes[0]["InstanceRefreshId"]})


def describe_instance_refreshes(self):
    refreshes = self.autoscaling_backend.__dict__.get("refreshes", {})
    return ActionResult({"InstanceRefreshes": refreshes.get(self._get_param("AutoScalingGroupName"), [])})


def queries(self):
    return self.logs_backend.__dict__.setdefault("query_definitions", {})


def put_query_definition(self):
    id = self._get_param("queryDefinitionId") or f"00000000-0000-0000-0000-{len(queries(self)):012}"
    queries(self)[id] = {
        "queryDefinitionId": id, "name": self._get_param("name"), "queryString": self._get_param("queryString"),
        "logGroupNames": self._get_param("logGroupNames") or [],
    }
    return json.dumps({"queryDefinitionId": id})


def describe_query_definitions(self):
    prefix = self._get_param("queryDefinitionNamePrefix") or ""
    return json.dumps({"queryDefinitions": [q for q in queries(self).values() if q["name"].startswith(prefix)]})


def delete_query_definition(self):
    return json.dumps({"success": queries(self).pop(self._get_param("queryDefinitionId"), None) is not None})


create_replication_group = cache.ElastiCacheBackend.create_replication_group


def patch():
    """Puts the lacking parts into moto's own classes, where its server finds them."""
    for name, method in vars(ElastiCache).items():
        if not name.startswith("__"):
            setattr(ElastiCacheResponse, name, method)
    backend = cache.ElastiCacheBackend
    backend.create_replication_group = Cache.create_group
    backend.delete_replication_group = Cache.delete_group
    backend.list_tags_for_resource = lambda self, arn: self.tagging_service.list_tags_for_resource(arn)
    for method in put_query_definition, describe_query_definitions, delete_query_definition:
        setattr(LogsResponse, method.__name__, method)
    AutoScalingResponse.start_instance_refresh = start_instance_refresh
    AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes
    assert not hasattr(AutoScalingBackend, "start_instance_refresh"), "moto has instance refreshes now: use its own"


def start():
    """Starts it on a free port of 127.0.0.1; gives the server and its address."""
    patch()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each call would hide what failed
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    # What an earlier one in this process had is forgotten.
    urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset", method="POST")).close()
    return server, address
