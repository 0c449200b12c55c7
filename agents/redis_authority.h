// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which authority is in force for the server of this node. The parameter says which is wanted;
 * redis-watch goes over to it when all of them can, and notes it here. Lasting, since after a
 * power-off it decides whose word counts: the epoch file's, or Sentinels'.
 */
#ifndef RHA_REDIS_AUTHORITY_H
#define RHA_REDIS_AUTHORITY_H

#include "ocf.h"
#include "redis_params.h"

/* Pacemaker's, where nothing is noted. */
enum redis_authority redis_authority_in_force(const struct ocf_context *context);
/* In the state folder, and in the run folder for Sentinel's agent and feed. 0 or -errno. */
int redis_authority_note(const struct ocf_context *context, enum redis_authority authority);

#endif
