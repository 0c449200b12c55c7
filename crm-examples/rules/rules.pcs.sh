#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two rules by node attributes, beside the cluster of ../three-nodes. Run it as root on one node; README.md
# tells what each of them means. Everything is prepared in a copy of the configuration and sent to the
# cluster in one piece at the end: a line that fails changes nothing.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cib=$work/cib.xml
pcs cluster cib "$cib"
cp "$cib" "$work/before.xml"

# --- The promoted role, away from a Sentinel without quorum ----------------------------------------

# 2000 for what is well, not -INFINITY for what is not: it outweighs the 1000 that redis-watch gives the
# primary's node, so the role leaves for a node whose Sentinel is well; where none is, all nodes are equal
# again and the role stays.
pcs -f "$cib" constraint location redis-clone rule role=Promoted score=2000 \
	sentinel-status eq ok

# --- An address for reads, where a linked replica is -----------------------------------------------

pcs -f "$cib" resource create read-ip ocf:heartbeat:IPaddr2 \
	ip=192.0.2.20 cidr_netmask=24 \
	op monitor interval=5s timeout=20s
pcs -f "$cib" constraint location read-ip rule score=-INFINITY \
	redis-status ne replica

# --- Send it ---------------------------------------------------------------------------------------

pcs cluster cib-push "$cib" diff-against="$work/before.xml"
