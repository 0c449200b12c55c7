# SPDX-License-Identifier: GPL-2.0-or-later
"""Failures side by side: this suite, ocf:heartbeat:redis and Sentinel with HAProxy alone, on the same lab.

docs/bench.md tells how to run it, what each number means and why the setups are fair.
"""
