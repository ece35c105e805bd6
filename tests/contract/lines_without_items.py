#!/usr/bin/env python3
"""Corrects what Books' description of invoices asks of a line: `item_id`. Zoho's page has it optional: a line may bring its own name.

usage: lines_without_items.py FILE
"""

import json
import pathlib
import sys


def visit(node):
    if isinstance(node, dict):
        if "item_id" in node.get("properties", {}) and "rate" in node["properties"]:
            node["required"] = [name for name in node.get("required", []) if name != "item_id"]
            if not node["required"]:
                del node["required"]
        for child in node.values():
            visit(child)
    elif isinstance(node, list):
        for child in node:
            visit(child)


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    description = json.loads(path.read_text(encoding="utf-8"))
    visit(description)
    path.write_text(json.dumps(description), encoding="utf-8")
