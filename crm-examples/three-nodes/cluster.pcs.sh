#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Three Redis servers, three Sentinels, HAProxy on every node and a floating address, as one
# configuration of Pacemaker. Run it as root on one node of a running cluster; ../README.md tells what
# comes before. Everything is prepared in a copy of the configuration and sent to the cluster in one
# piece at the end: a line that fails changes nothing.
# `then` is a word of pcs here, not of the shell.
# shellcheck disable=SC1010
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cib=$work/cib.xml
pcs cluster cib "$cib"
cp "$cib" "$work/before.xml"

# --- The cluster -----------------------------------------------------------------------------------

# A node that is not known to be off may still take writes. Fencing makes sure of it; without fencing
# nobody can.
pcs -f "$cib" property set stonith-enabled=true

# Nodes that lost the majority: a primary among them becomes a replica (and takes no write), everything
# else stops. `ignore` would let both halves write; `stop` and `freeze` are slower or do less.
pcs -f "$cib" property set no-quorum-policy=demote

# A server that could not start once (say, a full disk) is tried again, up to migration-threshold,
# instead of being given up at once.
pcs -f "$cib" property set start-failure-is-fatal=false

# What runs well stays where it is: a node that comes back does not take anything over, so one failure
# causes one interruption, not two. Five failures of a resource on one node, none older than five
# minutes after the last, and the node is left alone until they expire.
pcs -f "$cib" resource defaults update \
	resource-stickiness=100 migration-threshold=5 failure-timeout=5min

# --- Fencing: replace these lines with your devices -----------------------------------------------
# One device a node, each with the address of that node's management board. `pcs stonith list` shows
# what there is; try each of them with `pcs stonith fence NODE` before you rely on it.
# fencing: begin
for n in 1 2 3; do
	pcs -f "$cib" stonith create "fence-n$n" fence_ipmilan \
		ip="192.0.2.2$n" lanplus=1 username=fencing password_script=/etc/redis-ha/ipmi-password \
		pcmk_host_list="n$n" op monitor interval=60s
done
# fencing: end

# --- Redis -----------------------------------------------------------------------------------------

# One server a node. All start as replicas; Pacemaker promotes the one with the best score.
#
# monitor  The primary is asked every second, replicas every three. The deeper checks (a write path that
#          works, the age of a replica's link) run more seldom. All four intervals differ, because
#          Pacemaker knows the monitors of a resource apart by nothing else.
#          on-fail=demote: a primary that failed is made a replica in its place and another is promoted at
#          once. The default, a full stop and start of the failed server, would come before that. A
#          server that cannot be made a replica is stopped and started nevertheless.
# start    returns when the server answers; loading the data goes on behind it.
# stop     lets Redis save its data first. Give it the time that your data takes.
# promote, demote  ask redis-watch and the servers; a few seconds are plenty.
pcs -f "$cib" resource create redis ocf:redis-ha:redis \
	config=/etc/redis/redis.conf \
	op start timeout=60s \
	op stop timeout=120s \
	op promote timeout=30s \
	op demote timeout=60s \
	op monitor interval=1s role=Promoted timeout=10s on-fail=demote \
	op monitor interval=3s role=Unpromoted timeout=10s \
	op monitor interval=15s role=Promoted timeout=20s on-fail=demote OCF_CHECK_LEVEL=10 \
	op monitor interval=17s role=Unpromoted timeout=20s OCF_CHECK_LEVEL=10

# The clone that can be promoted: one primary in all. No notify=true: the redis-watch of each node tells
# the others at once what changes, and notifications would only add to the time that a failover takes.
# interleave=true: what depends on Redis on one node need not wait for Redis on the others.
pcs -f "$cib" resource promotable redis redis-clone meta interleave=true

# --- Sentinel --------------------------------------------------------------------------------------

# Three Sentinels, two of which must agree that the primary does not answer. They watch, vote and tell
# clients that ask Sentinel; the promotion itself is Pacemaker's alone.
pcs -f "$cib" resource create sentinel ocf:redis-ha:sentinel \
	redis=redis master_name=mymaster quorum=2 auth_file=/etc/redis-ha/auth \
	op start timeout=30s \
	op stop timeout=30s \
	op monitor interval=5s timeout=20s
pcs -f "$cib" resource clone sentinel sentinel-clone meta interleave=true

# At the first start there is a primary to watch before there is a Sentinel. Optional: later each of
# them comes and goes alone.
pcs -f "$cib" constraint order promote redis-clone then start sentinel-clone \
	kind=Optional symmetrical=false

# --- HAProxy and the floating address --------------------------------------------------------------

# On every node, so that the address finds one wherever it goes. HAProxy sees by itself who is the
# primary, so it runs whether Redis does or not. backend: haproxy-status is `up` where that section of
# haproxy.cfg has a usable server, `degraded` where it has none.
pcs -f "$cib" resource create haproxy ocf:redis-ha:haproxy \
	config=/etc/haproxy/haproxy.cfg backend=primary-in-sight \
	op start timeout=30s \
	op stop timeout=60s \
	op monitor interval=5s timeout=20s
pcs -f "$cib" resource clone haproxy haproxy-clone meta interleave=true

pcs -f "$cib" resource create floating-ip ocf:heartbeat:IPaddr2 \
	ip=192.0.2.10 cidr_netmask=24 \
	op monitor interval=5s timeout=20s

# The address stands only where HAProxy runs, and comes after it.
pcs -f "$cib" constraint colocation add floating-ip with haproxy-clone score=INFINITY
pcs -f "$cib" constraint order start haproxy-clone then start floating-ip

# Of those nodes it prefers one whose HAProxy has the primary in sight. 1000 outweighs the stickiness
# above, so the address leaves a node that cannot reach it; where every node is equal it stays.
pcs -f "$cib" constraint location floating-ip rule score=1000 haproxy-status eq up

# --- Send it ---------------------------------------------------------------------------------------

pcs cluster cib-push "$cib" diff-against="$work/before.xml"
