"""docs/rayjob.yaml has only fields of KubeRay's RayJob (ray.io/v1), as its Go types name them, each of the type they say."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.docs.commands import DOCS

FILE: Path = DOCS / "rayjob.yaml"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT, TEXT, SWITCH = {"type": "integer", "minimum": 0}, {"type": "string"}, {"type": "boolean"}


def of(required: str, **fields: Any) -> dict[str, Any]:
    """An object with these fields and no others."""
    return {"type": "object", "properties": fields, "required": required.split(), "additionalProperties": False}


# Kubernetes' own part, as far as the file uses it
CONTAINER = of(
    "name image",
    name=TEXT,
    image=TEXT,
    resources=of("", requests=TEXTS, limits=TEXTS),
    volumeMounts={"type": "array", "items": of("name mountPath", name=TEXT, mountPath=TEXT)},
    env={"type": "array"},
)
VOLUME = of("name", name=TEXT, persistentVolumeClaim=of("claimName", claimName=TEXT, readOnly=SWITCH))
TEMPLATE = of(
    "spec",
    metadata={"type": "object"},
    spec=of(
        "containers", containers={"type": "array", "minItems": 1, "items": CONTAINER}, volumes={"type": "array", "items": VOLUME}
    ),
)

# KubeRay's: ray-operator/apis/ray/v1/raycluster_types.go and rayjob_types.go
HEAD = of(
    "template", serviceType=TEXT, headService={"type": "object"}, enableIngress=SWITCH, rayStartParams=TEXTS, template=TEMPLATE
)
GROUP = of(
    "groupName template",
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    numOfHosts=COUNT,
    rayStartParams=TEXTS,
    template=TEMPLATE,
)
CLUSTER = of(
    "headGroupSpec",
    authOptions=of("", mode={"enum": ["disabled", "token"]}, secretName=TEXT),
    headGroupSpec=HEAD,
    workerGroupSpecs={"type": "array", "items": GROUP},
    rayVersion=TEXT,
    enableInTreeAutoscaling=SWITCH,
)
JOB = of(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=of("name", name=TEXT, namespace=TEXT),
    spec=of(
        "entrypoint rayClusterSpec",
        entrypoint=TEXT,
        backoffLimit=COUNT,
        rayClusterSpec=CLUSTER,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        shutdownAfterJobFinishes=SWITCH,
        ttlSecondsAfterFinished=COUNT,
        activeDeadlineSeconds=COUNT,
        suspend=SWITCH,
        runtimeEnvYAML=TEXT,
    ),
)


def read() -> Any:
    return yaml.safe_load(FILE.read_text())


def test_every_field_is_one_of_kuberays() -> None:
    jsonschema.validate(read(), JOB)


def test_every_mounted_volume_is_there_and_trials_and_driver_share_one() -> None:
    spec = read()["spec"]["rayClusterSpec"]
    mounted = []
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        places = {each["name"]: each["mountPath"] for container in pod["containers"] for each in container["volumeMounts"]}
        assert set(places) == {each["name"] for each in pod["volumes"]}
        mounted.append(set(places.values()))
    entry = read()["spec"]["entrypoint"].split()
    folder, record = (entry[entry.index(option) + 1] for option in ("--folder", "--record"))
    assert all(any(folder.startswith(place) for place in places) for places in mounted)
    assert [any(record.startswith(place) for place in places) for places in mounted] == [True, False]


@pytest.mark.parametrize(("field", "value"), [("backofLimit", 3), ("backoffLimit", "3"), ("submissionMode", "Http")])
def test_the_check_sees_a_field_that_is_not(field: str, value: object) -> None:
    wrong = read()
    wrong["spec"][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, JOB)
