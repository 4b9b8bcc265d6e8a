"""The manifests of `deploy/kubernetes` have the fields that their kinds need, and name what is there.

Nobody has applied them: this looks for misspelt and missing fields, by a schema of the fields that they use.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from order_pipeline_tests.shared_demo import PROJECT

FILES = sorted((PROJECT / "deploy" / "kubernetes").glob("*.yaml"))


def object_of(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these fields and no others."""
    fields = {**required, **(optional or {})}
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def list_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": item}


TEXT, WHOLE, FLAG = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
TEXTS, LABELS = list_of({"type": "string"}), {"type": "object", "additionalProperties": TEXT}
SELECTOR = object_of({"matchLabels": LABELS})
PORT_OF_CONTAINER = object_of({"name": TEXT, "containerPort": WHOLE}, {"protocol": TEXT})
PORT_OF_SERVICE = object_of({"name": TEXT, "port": WHOLE, "targetPort": TEXT}, {"protocol": TEXT})
SERVICE = object_of({"type": {"const": "ClusterIP"}, "selector": LABELS, "ports": list_of(PORT_OF_SERVICE)})
PROBE_TIMES = dict.fromkeys(("initialDelaySeconds", "periodSeconds", "timeoutSeconds"), WHOLE)
PROBE = object_of(
    {},
    {"exec": object_of({"command": TEXTS}), "httpGet": object_of({"port": TEXT, "path": TEXT}), **PROBE_TIMES},
)
RESOURCES = object_of({"requests": LABELS}, {"limits": LABELS})
CONTAINER = object_of(
    {"name": TEXT, "image": TEXT, "args": TEXTS, "resources": RESOURCES},
    {
        "command": TEXTS,
        "env": list_of(object_of({"name": TEXT, "value": TEXT})),
        "envFrom": list_of(object_of({"secretRef": object_of({"name": TEXT})})),
        "ports": list_of(PORT_OF_CONTAINER),
        "readinessProbe": PROBE,
        "volumeMounts": list_of(object_of({"name": TEXT, "mountPath": TEXT})),
    },
)
VOLUME = object_of(
    {"name": TEXT},
    {"emptyDir": {"type": "object"}, "persistentVolumeClaim": object_of({"claimName": TEXT})},
)
SECURITY = object_of({"runAsNonRoot": {"const": True}, "runAsUser": WHOLE}, {"fsGroup": WHOLE})
POD = object_of(
    {"securityContext": SECURITY, "containers": list_of(CONTAINER)},
    {
        "volumes": list_of(VOLUME),
        "serviceAccountName": TEXT,
        "automountServiceAccountToken": FLAG,
        "terminationGracePeriodSeconds": WHOLE,
    },
)
METADATA = object_of({"name": TEXT}, {"labels": LABELS})
RULE = object_of({"apiGroups": TEXTS, "resources": TEXTS, "verbs": TEXTS})
KINDS: dict[tuple[str, str], dict[str, Any]] = {
    ("v1", "PersistentVolumeClaim"): {
        "spec": object_of({"accessModes": TEXTS, "resources": object_of({"requests": LABELS})})
    },
    ("v1", "Service"): {"spec": SERVICE},
    ("v1", "ServiceAccount"): {},
    ("v1", "ConfigMap"): {"data": LABELS},
    ("apps/v1", "Deployment"): {
        "spec": object_of(
            {
                "replicas": {"const": 1},
                "strategy": object_of({"type": {"const": "Recreate"}}),
                "selector": SELECTOR,
                "template": object_of({"metadata": object_of({"labels": LABELS}), "spec": POD}),
            }
        )
    },
    ("kubernetes.dask.org/v1", "DaskCluster"): {
        "spec": object_of(
            {
                "worker": object_of({"replicas": WHOLE, "spec": POD}),
                "scheduler": object_of({"spec": POD, "service": SERVICE}),
            },
            {"idleTimeout": WHOLE},
        )
    },
    ("networking.k8s.io/v1", "NetworkPolicy"): {
        "spec": object_of(
            {
                "podSelector": SELECTOR,
                "policyTypes": TEXTS,
                "ingress": list_of(object_of({"from": list_of(object_of({"podSelector": SELECTOR}))})),
            }
        )
    },
    ("rbac.authorization.k8s.io/v1", "Role"): {"rules": list_of(RULE)},
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): {
        "roleRef": object_of({"apiGroup": TEXT, "kind": {"const": "Role"}, "name": TEXT}),
        "subjects": list_of(object_of({"kind": TEXT, "name": TEXT})),
    },
}


def documents(file: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]


def all_documents(kind: str) -> list[dict[str, Any]]:
    return [each for file in FILES for each in documents(file) if each["kind"] == kind]


def complaints(document: dict[str, Any]) -> list[str]:
    """What is wrong with a document; a kind that is not known here is wrong too."""
    kind = (document.get("apiVersion", ""), document.get("kind", ""))
    if kind not in KINDS:
        return [f"{kind} is not known"]
    schema = object_of({"apiVersion": TEXT, "kind": TEXT, "metadata": METADATA, **KINDS[kind]})
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def pods() -> Iterator[dict[str, Any]]:
    for deployment in all_documents("Deployment"):
        yield deployment["spec"]["template"]["spec"]
    for cluster in all_documents("DaskCluster"):
        yield from (cluster["spec"][part]["spec"] for part in ("worker", "scheduler"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_manifest_has_the_fields_that_its_kind_needs_and_no_others(file: Path) -> None:
    found = documents(file)
    assert found
    assert [complaint for document in found for complaint in complaints(document)] == []


def test_a_misspelt_and_a_missing_field_are_seen() -> None:
    (cluster,) = all_documents("DaskCluster")
    wrong = copy.deepcopy(cluster)
    wrong["spec"]["worker"]["replica"] = wrong["spec"]["worker"].pop("replicas")
    assert len(complaints(wrong)) == 2
    assert complaints(cluster | {"apiVersion": "kubernetes.dask.org/v2"})


def test_what_a_pod_mounts_and_what_a_probe_or_service_names_is_there() -> None:
    claims = {each["metadata"]["name"] for each in all_documents("PersistentVolumeClaim")}
    for pod in pods():
        volumes = {each["name"]: each for each in pod.get("volumes", [])}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes.keys()
        wanted = [each["persistentVolumeClaim"] for each in volumes.values() if "persistentVolumeClaim" in each]
        assert {each["claimName"] for each in wanted} <= claims
    (cluster,) = all_documents("DaskCluster")
    ports = {port["name"] for port in cluster["spec"]["scheduler"]["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"] for port in cluster["spec"]["scheduler"]["service"]["ports"]} <= ports


def test_the_pipeline_names_the_scheduler_that_the_operator_makes() -> None:
    (cluster,), (deployment,) = all_documents("DaskCluster"), all_documents("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    port = cluster["spec"]["scheduler"]["service"]["ports"][0]["port"]
    address = f"tcp://{cluster['metadata']['name']}-scheduler:{port}"
    assert {"name": "ORDER_PIPELINE_CLUSTER", "value": address} in container["env"]


def test_workers_have_no_secret_but_the_key_of_the_lake_s_files() -> None:
    (cluster,) = all_documents("DaskCluster")
    (worker,) = cluster["spec"]["worker"]["spec"]["containers"]
    assert worker["envFrom"] == [{"secretRef": {"name": "order-pipeline-lake-files"}}]
    assert "envFrom" not in cluster["spec"]["scheduler"]["spec"]["containers"][0]
    assert {pod["containers"][0]["image"] for pod in pods()} == {worker["image"]}


def test_runs_as_jobs_keep_what_dagster_yaml_says_of_pools_and_retries() -> None:
    (config,) = all_documents("ConfigMap")
    in_pods = yaml.safe_load(config["data"]["dagster.yaml"])
    ours = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    for part in ("telemetry", "concurrency", "run_retries", "run_monitoring"):
        assert in_pods[part] == ours[part]
