#!/usr/bin/env python3
"""Prints after how many milliseconds a headless Chromium has the list of a report: tests/web/ready.py PAGE

Nothing is printed where no Chromium is installed.
"""

import sys

import browser

if browser.find() is not None:
    page = browser.Browser(browser.find())
    try:
        page.size(1400, 1000)
        print(page.open(sys.argv[1]))
    finally:
        page.close()
