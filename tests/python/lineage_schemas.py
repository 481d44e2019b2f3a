"""OpenLineage's own schemas as a judge: the core and every facet, formats asserted."""
import json
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import jsonschema
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ENTITIES = ("run", "job", "dataset", "inputDataset", "outputDataset")
checker = jsonschema.FormatChecker(formats=())


@checker.checks("uuid", raises=ValueError)
def _uuid(value):
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


@checker.checks("date-time")
def _date_time(value):
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@checker.checks("uri", raises=ValueError)
def _uri(value):
    return not isinstance(value, str) or (bool(urlsplit(value).scheme) and " " not in value)


class Schemas:
    def __init__(self, folder):
        self.index = json.loads((folder / "index.json").read_text())
        documents = {key: json.loads((folder / path).read_text())
                     for key, path in self.index["files"].items()}
        self.documents = documents
        self.registry = Registry().with_resources(
            (key, Resource.from_contents(document)) for key, document in documents.items())
        self.core = self._validator(self.index["core"])

    def _validator(self, key):
        return Draft202012Validator({"$ref": key}, registry=self.registry, format_checker=checker)

    def _facet_problems(self, entity, key, facet, where):
        named = facet.get("_schemaURL", "").split("#")[0]
        current = self.index["current"][entity].get(key)
        if named not in self.documents:
            yield f"{where}: unknown schema {facet.get('_schemaURL')}"
            return
        if current is not None and named != current:
            yield f"{where}: {named} is not the newest schema of '{key}', {current}"
        for error in self._validator(named).iter_errors({key: facet}):
            yield f"{where}: {error.message}"

    def problems(self, event):
        """Everything that is wrong with one event, as text."""
        found = [f"core: {'/'.join(map(str, e.absolute_path))}: {e.message}"
                 for e in self.core.iter_errors(event)]
        if not event.get("schemaURL", "").endswith("#/$defs/RunEvent"):
            found.append(f"schemaURL: {event.get('schemaURL')}")
        places = [("run", event["run"].get("facets", {}), "run"),
                  ("job", event["job"].get("facets", {}), "job")]
        for side, own in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
            entity = "inputDataset" if side == "inputs" else "outputDataset"
            for dataset in event.get(side, []):
                places.append(("dataset", dataset.get("facets", {}), f"{side} {dataset['name']}"))
                places.append((entity, dataset.get(own, {}), f"{side} {dataset['name']} {own}"))
        for entity, facets, where in places:
            for key, facet in facets.items():
                found.extend(self._facet_problems(entity, key, facet, f"{where} {key}"))
        return found


@lru_cache
def load(folder):
    return Schemas(Path(folder))
