"""The same application with what a real one brings along: modules, and about 100 MB of objects, made at the import."""

from __future__ import annotations

import asyncio
import decimal
import email.message
import http.client
import unittest.mock
import xml.dom.minidom

from benchmarks.suite.application import jobs as jobs

MEGABYTES = 100
_RECORDS_A_MEGABYTE = 2700

MODULES = (asyncio, decimal, email.message, http.client, unittest.mock, xml.dom.minidom)
RECORDS = [
    {"number": 1000 + number, "name": f"record {number}", "share": number / 7}
    for number in range(MEGABYTES * _RECORDS_A_MEGABYTE)
]
"""Many small objects: what Python counts references to, it writes to, and then the page is shared no longer."""
