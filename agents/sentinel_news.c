// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines from the watch's socket, on the loop. A line that is not understood, from a newer watch, is
 * left out.
 */
#include "sentinel_news.h"

#include "callers.h"
#include "config.h"
#include "fd.h"
#include "log.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#define AGAIN_MS 500 /* between two tries to reach the watch */

struct sentinel_news {
    struct loop *loop;
    char *path;
    sentinel_news_fn fn;
    sentinel_order_fn order;
    char *seen; /* what it was told last over this connection; NULL: nothing yet */
    void *data;
    struct loop_timer *again;
    struct loop_watch *input;
    int fd;       /* -1: not connected */
    bool is_down; /* was told of on this connection last */
    size_t length;
    char text[CALLERS_LINE];
};

static int send_line(int fd, const char *line)
{
    ssize_t length = (ssize_t)strlen(line);

    return send(fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) == length ? 0 : -EAGAIN;
}

static int connect_watch(const struct sentinel_news *news, const char *line)
{
    int fd = fd_unix_connect(news->path);
    int rc = fd < 0 ? fd : send_line(fd, line);

    if (rc && fd >= 0)
        close(fd);
    return rc ? rc : fd;
}

static void disconnect(struct sentinel_news *news)
{
    loop_watch_free(news->input);
    news->input = NULL;
    if (news->fd >= 0)
        close(news->fd);
    news->fd = -1;
    news->length = 0;
    news->is_down = false;
    free(steal_pointer(&news->seen));
}

static void take_lines(struct sentinel_news *news)
{
    struct sentinel_leader leader;
    char *end;

    while ((end = memchr(news->text, '\n', news->length))) {
        size_t used = (size_t)(end - news->text) + 1;

        *end = '\0';
        if (sentinel_leader_parse(news->text, &leader))
            news->fn(news->data, &leader);
        else
            news->order(news->data, news->text);
        news->length -= used;
        memmove(news->text, news->text + used, news->length);
    }
}

static void read_watch(void *data, short events)
{
    struct sentinel_news *news = data;
    size_t space = sizeof(news->text) - news->length;
    ssize_t got = recv(news->fd, news->text + news->length, space, MSG_DONTWAIT);

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0) {
        news->length += (size_t)got;
        take_lines(news);
    }
    if (got <= 0 || news->length == sizeof(news->text)) {
        disconnect(news);
        news->fn(news->data, &(struct sentinel_leader){.port = 0});
        (void)loop_timer_start(news->again, AGAIN_MS);
    }
}

static void follow(void *data)
{
    struct sentinel_news *news = data;

    news->fd = connect_watch(news, "follow\n");
    if (news->fd >= 0 && loop_watch_new(news->loop, LOOP_NORMAL, news->fd, POLLIN, read_watch, news,
                                        &news->input) == 0)
        return;
    disconnect(news);
    (void)loop_timer_start(news->again, AGAIN_MS);
}

int sentinel_news_open(struct loop *loop, const char *redis, sentinel_news_fn fn,
                       sentinel_order_fn order, void *data, struct sentinel_news **news)
{
    struct sentinel_news *made = xcalloc(1, sizeof(*made));

    *made = (struct sentinel_news){.loop = loop, .fn = fn, .order = order, .data = data, .fd = -1};
    made->path = xasprintf("%s/redis/%s/watch.sock", RHA_RUN_DIR, redis);
    made->again = loop_timer_new(loop, LOOP_NORMAL, follow, made);
    *news = made;
    return made->again ? loop_timer_start(made->again, 0) : -ENOMEM;
}

/* Its answer is not waited for: what becomes of it is told as any other news. */
static int say(const struct sentinel_news *news, const char *line)
{
    int fd = connect_watch(news, line);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* A watch that does not take it has stopped; what it was told before it lets go by itself. */
void sentinel_news_quorum(struct sentinel_news *news, const struct sentinel_view *view)
{
    bool is_down = view->watches && view->is_odown && !view->is_tilt;
    cleanup_free char *line = NULL;

    if (news->fd < 0 || !(is_down || news->is_down))
        return;
    line = xasprintf("quorum %s %d %s\n", view->watches ? view->host : "nobody", view->port,
                     is_down                           ? "down"
                     : view->is_sdown || view->is_tilt ? "unsure"
                                                       : "up");
    news->is_down = is_down;
    if (send_line(news->fd, line))
        log_warning("the watch does not take what Sentinel's quorum says");
}

int sentinel_news_choose(const struct sentinel_news *news, uint64_t epoch, uint64_t number)
{
    cleanup_free char *line = xasprintf("hello %" PRIu64 " %" PRIu64 "\n", epoch, number);

    return say(news, line);
}

int sentinel_news_drop(const struct sentinel_news *news)
{
    return say(news, "drop\n");
}

void sentinel_news_sees(struct sentinel_news *news, const struct sentinel_view *view,
                        const char *harm)
{
    cleanup_free char *line = NULL;

    if (news->fd < 0 || !view->watches)
        return;
    line = xasprintf("sees %s %d %" PRId64 " %" PRId64 " %s%s\n", view->host, view->port,
                     view->config_epoch, view->down_after_ms, harm,
                     view->is_failing_over ? ",busy" : "");
    if ((news->seen && str_eq(line, news->seen)) || send_line(news->fd, line))
        return;
    free(news->seen);
    news->seen = steal_pointer(&line);
}

void sentinel_news_close(struct sentinel_news *news)
{
    if (!news)
        return;
    disconnect(news);
    loop_timer_free(news->again);
    free(news->path);
    free(news);
}
