#!/usr/bin/env python3
"""Copies Zoho CRM's published descriptions for Prism, with what is wrong in them corrected.

usage: prepare.py CONTRACTS OUT FILE…      (CONTRACTS/zoho/SOURCES.md tells where they come from and what is wrong)

Most is done by the tool that lies beside the descriptions. Here only what it leaves: a note's parent names its module by
`api_name` alone in Zoho's own samples, while the description asks for the module's id as well.
"""

import json
import pathlib
import shutil
import subprocess
import sys


def main():
    contracts, out, files = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    published = contracts / "zoho" / "crm"
    out.mkdir(parents=True, exist_ok=True)
    for file in published.glob("*.json"):
        shutil.copy(file, out)
    tool = contracts / "zoho" / "tools" / "prism_variant.py"
    for name in files:
        command = [sys.executable, str(tool), "--fix", str(published / f"{name}.json"), str(out / f"{name}.json")]
        subprocess.run(command, check=True)
    parent_needs_no_module_id(out / "modules.json")


def parent_needs_no_module_id(path):
    description = json.loads(path.read_text(encoding="utf-8"))
    module = description["components"]["schemas"]["Minified_Module"]
    module["required"] = [name for name in module["required"] if name != "id"]
    path.write_text(json.dumps(description), encoding="utf-8")


if __name__ == "__main__":
    main()
