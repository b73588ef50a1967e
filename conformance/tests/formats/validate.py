"""Reads reports and a bundle of cellproof with other people's libraries, and says what is wrong with them.

Usage: validate.py REPORT_SCHEMA DIR... Each DIR holds the reports of a gate, and perhaps `bundle.tar` with `key.pub.pem`.
Prints a line for each thing that was checked; after the first that is wrong in a DIR, the line `wrong DIR`. All in one
process, because the libraries take longer to load than to work.
"""

import base64
import contextlib
import copy
import io
import json
import logging
import os
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path


def tool(main, *arguments, expected=0):
    """Runs the main function of a program with its command line."""
    said, before = io.StringIO(), sys.argv
    sys.argv = list(arguments)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    assert (code or 0) == expected, f"{arguments}: {code}: {said.getvalue()}"


def report_json(folder):
    from check_jsonschema import main

    tool(main, "check-jsonschema", "--schemafile", str(SCHEMA), str(folder / "report.json"))
    return "keeps the published schema"


def sarif(folder):
    from sarif import loader
    from sarif.cmdline.main import main

    file = str(folder / "results.sarif")
    results = json.loads(Path(file).read_text())["runs"][0]["results"]
    counts = {level: sum(r["level"] == level for r in results) for level in ("error", "warning", "none")}
    for level, worse in (("error", ["error"]), ("none", ["error", "warning", "none"])):
        found = sum(counts[name] for name in worse)
        tool(main, "sarif", "--check", level, "summary", file, expected=found)
    assert loader.load_sarif_file(file).get_result_count() == len(results)
    return f"{len(results)} results, {counts['error']} errors"


def junit(folder):
    from junitparser import JUnitXml

    record = json.loads((folder / "report.json").read_text())
    suites = list(JUnitXml.fromfile(str(folder / "junit.xml")))
    assert [suite.name for suite in suites] == [s["name"] for s in record["scenarios"]]
    for suite in suites:
        counts = {"Failure": 0, "Error": 0, "Skipped": 0}
        for case in suite:
            for result in case.result:
                counts[type(result).__name__] += 1
        said = (suite.failures, suite.errors, suite.skipped)
        assert said == (counts["Failure"], counts["Error"], counts["Skipped"]), f"{suite.name}: {said} {counts}"
    return f"{len(suites)} suites"


def one_story(folder):
    """What failed in one format failed in the other, and what is open in one is never passed in the other."""
    results = json.loads((folder / "results.sarif").read_text())["runs"][0]["results"]
    of = lambda kind: {
        r["properties"]["scenario"]
        for r in results
        if r["kind"] == kind and "scenario" in r["properties"] and r["ruleId"] not in ("proof.ablation",)
    }
    verdicts = {}
    for suite in xml.parse(folder / "junit.xml").getroot().iter("testsuite"):
        case = next(c for c in suite.iter("testcase") if c.get("name") == "verdict")
        verdicts[suite.get("name")] = case[0].tag if len(case) else "passed"
    failed = {name for name, tag in verdicts.items() if tag == "failure"}
    still_open = {name for name, tag in verdicts.items() if tag in ("error", "skipped")}
    assert failed == of("fail"), f"{failed} {of('fail')}"
    assert still_open <= of("open"), f"{still_open} {of('open')}"
    return f"{len(failed)} scenarios failed, {len(still_open)} open"


def oscal(folder):
    from trestle.cli import Trestle

    names = {"assessment-results": "assessment-results.json", "component-definition": "component-definition.json"}
    # It takes the folder that it is made in for its workspace.
    trestle, here = lambda: Trestle().run(), os.getcwd()
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        try:
            tool(trestle, "trestle", "init", "--local")
            for kind, file in names.items():
                tool(trestle, "trestle", "import", "-f", str(folder / file), "-o", "cellproof")
                tool(trestle, "trestle", "validate", "-t", kind, "-n", "cellproof")
        finally:
            os.chdir(here)
    return "imported and validated by trestle"


def oscal_references(folder):
    """What trestle does not look at: every reference leads somewhere, and only what is decided is satisfied."""
    counts = []
    for file in ("assessment-results.json", "component-definition.json"):
        text = (folder / file).read_text()
        ids, used = [], set()

        def walk(node):
            if isinstance(node, dict):
                for name, value in node.items():
                    if name == "uuid":
                        ids.append(value)
                    elif name.endswith("-uuid") and isinstance(value, str):
                        used.add(value)
                    elif name in ("href", "source") and str(value).startswith("#"):
                        used.add(value[1:])
                    walk(value)
            elif isinstance(node, list):
                [walk(value) for value in node]

        walk(json.loads(text))
        assert len(ids) == len(set(ids)), f"{file}: an id stands twice"
        assert used <= set(ids), f"{file}: {used - set(ids)} lead nowhere"
        counts.append(f"{len(ids)} ids, {len(used)} references")
    result = json.loads((folder / "assessment-results.json").read_text())["assessment-results"]["results"][0]
    standing = {}
    for observation in result.get("observations", []):
        props = {p["name"]: p["value"] for p in observation["props"]}
        standing[observation["uuid"]] = props["standing"]
    for finding in result.get("findings", []):
        related = [standing[r["observation-uuid"]] for r in finding["related-observations"]]
        satisfied = finding["target"]["status"]["state"] == "satisfied"
        assert related and satisfied == all(s == "held" for s in related), f"{finding['title']}: {related}"
        assert satisfied or "broken" in related, f"{finding['title']}: {related}"
    return "; ".join(counts) + f"; {len(result.get('findings', []))} findings"


def yaml_files(folder):
    from ruamel.yaml import YAML

    read = YAML(typ="safe")
    documents = list(read.load_all((folder / "objectives.openslo.yaml").read_text()))
    names = {}
    for document in documents:
        assert document["apiVersion"] == "openslo/v1", document
        names.setdefault(document["kind"], set()).add(document["metadata"]["name"])
    for slo in (d["spec"] for d in documents if d["kind"] == "SLO"):
        assert slo["service"] in names["Service"]
        assert slo["budgetingMethod"] == "Occurrences" and len(slo["timeWindow"]) == 1
        assert {"bad", "total"} < set(slo["indicator"]["spec"]["ratioMetric"])
        assert all(0 < objective["target"] < 1 for objective in slo["objectives"])
        assert {p["alertPolicyRef"] for p in slo.get("alertPolicies", [])} <= names["AlertPolicy"]
    for policy in (d["spec"] for d in documents if d["kind"] == "AlertPolicy"):
        assert len(policy["conditions"]) == 1
        assert policy["conditions"][0]["spec"]["condition"]["kind"] == "burnrate"
        assert {t["targetRef"] for t in policy["notificationTargets"]} <= names["AlertNotificationTarget"]
    rules = read.load((folder / "rules.yml").read_text())["groups"]
    return f"{len(documents)} OpenSLO documents, {sum(len(g['rules']) for g in rules)} rules"


def openmetrics(folder):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    families = list(text_string_to_metric_families((folder / "samples.openmetrics").read_text()))
    assert [f.type for f in families] == ["counter", "counter"], families
    return f"{sum(len(f.samples) for f in families)} samples"


def bundle(folder):
    import bagit
    import zstandard
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

    outer = tarfile.open(folder / "bundle.tar")
    seal = json.loads(outer.extractfile("seal.json").read())
    payload = outer.extractfile("payload.tar.zst").read()
    key = load_pem_public_key((folder / "key.pub.pem").read_bytes())
    key = SSlibKey.from_crypto(key, keyid=seal["signatures"][0]["keyid"])
    # It takes apart what it is given.
    Envelope.from_dict(copy.deepcopy(seal)).verify([key], 1)
    forged = copy.deepcopy(seal)
    said = base64.b64decode(forged["payload"]).replace(b"PASSED", b"FAILED")
    assert said != base64.b64decode(seal["payload"]), "the seal of a proof that held"
    forged["payload"] = base64.b64encode(said).decode()
    try:
        Envelope.from_dict(forged).verify([key], 1)
        raise AssertionError("a forged seal is believed")
    except VerificationError:
        pass
    statement = json.loads(base64.b64decode(seal["payload"]))
    Statement.copy_from_pb(json_format.ParseDict(statement, statement_pb2.Statement())).validate()
    json_format.ParseDict(statement["predicate"], test_result_pb2.TestResult(), ignore_unknown_fields=True)
    unpacked = zstandard.ZstdDecompressor().stream_reader(payload).read()
    with tempfile.TemporaryDirectory() as home:
        tarfile.open(fileobj=io.BytesIO(unpacked)).extractall(home)
        bagit.Bag(home).validate()
        manifest = Path(home, "data/limits.md")
        manifest.write_text(manifest.read_text() + "!")
        try:
            bagit.Bag(home).validate()
            raise AssertionError("an altered bag is believed")
        except bagit.BagValidationError:
            pass
        files = sum(path.is_file() for path in Path(home, "data").rglob("*"))
    return f"seal, statement and {files} files"


SCHEMA = Path(sys.argv[1]).resolve()
CHECKS = [report_json, sarif, junit, one_story, oscal, oscal_references, yaml_files, openmetrics]
logging.disable(logging.CRITICAL)
for name in sys.argv[2:]:
    folder = Path(name).resolve()
    print(folder.name)
    for check in CHECKS + [bundle] * (folder / "bundle.tar").exists():
        try:
            print(f"  {check.__name__}: {check(folder)}")
        except Exception as wrong:
            print(f"  {check.__name__}: {type(wrong).__name__}: {wrong}\nwrong {name}")
            break
