# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios on a lab of real nodes, with the cluster of crm-examples/three-nodes deployed on it."""
