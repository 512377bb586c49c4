"""The dashboard taken apart: its panels and what they ask Prometheus."""
import json
import re

from promtool import ROOT

DASHBOARD = json.loads((ROOT / "conf" / "grafana" / "orderd.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [one["expr"] for one in DASHBOARD["annotations"]["list"]]
VARIABLES = [one["query"]["query"] for one in DASHBOARD["templating"]["list"]]


def filled(query, job="x"):
    """As Grafana sends it, with a job chosen and all of its instances and topics."""
    query = query.replace("$__rate_interval", "1m").replace("$job", job)
    return re.sub(r"\$\w+", ".*", query)
