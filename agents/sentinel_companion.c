// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's side of sentinel-feed.
 */
#include "sentinel_feed.h"

#include "config.h"
#include "log.h"
#include "server.h"
#include <string.h>

struct companion sentinel_feed_of(const struct ocf_context *context)
{
    return (struct companion){
        .context = context, .program = RHA_LIBEXEC_DIR "/sentinel-feed", .name = "feed"};
}

bool sentinel_feed_look(struct sentinel_server *server)
{
    const struct companion feed = sentinel_feed_of(server->context);
    char line[COMPANION_LINE] = "";

    server->fed = companion_ping(&feed, server->context->deadline, line);
    return server->fed;
}

void sentinel_feed_keep(struct sentinel_server *server)
{
    const struct companion feed = sentinel_feed_of(server->context);
    cleanup_free char *params = NULL;
    char line[COMPANION_LINE] = "";
    int rc;

    cleanup_free char *log = companion_path(&feed, "log");

    server_log_trim(log);
    if (!server->context->in_cluster || sentinel_feed_look(server))
        return;
    params = companion_params_text(sentinel_param_table, server->params);
    rc = companion_launch(&feed, params, server->context->deadline, line);
    server->fed = rc == 0;
    if (rc)
        log_error("sentinel-feed does not run (%s), so attributes change at monitors only; see "
                  "%s/feed.log",
                  strerror(-rc), server->context->run_dir);
}

void sentinel_feed_end(struct sentinel_server *server)
{
    const struct companion feed = sentinel_feed_of(server->context);
    int rc = companion_terminate(&feed, server->context->deadline);

    server->fed = false;
    if (rc)
        log_warning("sentinel-feed could not be ended: %s", strerror(-rc));
}
