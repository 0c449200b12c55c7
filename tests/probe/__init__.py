# SPDX-License-Identifier: GPL-2.0-or-later
"""What the companions stand on, on a lab of real nodes: bus, quorum, links, attributes."""
