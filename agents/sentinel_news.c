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
    void *data;
    struct loop_timer *again;
    struct loop_watch *input;
    int fd; /* -1: not connected */
    size_t length;
    char text[CALLERS_LINE];
};

static int connect_watch(const struct sentinel_news *news, const char *line)
{
    int fd = fd_unix_connect(news->path), rc;

    if (fd < 0 ||
        send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)strlen(line))
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

static void disconnect(struct sentinel_news *news)
{
    loop_watch_free(news->input);
    news->input = NULL;
    if (news->fd >= 0)
        close(news->fd);
    news->fd = -1;
    news->length = 0;
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

int sentinel_news_open(struct loop *loop, const char *redis, sentinel_news_fn fn, void *data,
                       struct sentinel_news **news)
{
    struct sentinel_news *made = xcalloc(1, sizeof(*made));

    *made = (struct sentinel_news){.loop = loop, .fn = fn, .data = data, .fd = -1};
    made->path = xasprintf("%s/redis/%s/watch.sock", RHA_RUN_DIR, redis);
    made->again = loop_timer_new(loop, LOOP_NORMAL, follow, made);
    *news = made;
    return made->again ? loop_timer_start(made->again, 0) : -ENOMEM;
}

/* Its answer is not waited for: what becomes of it is told as any other news. */
int sentinel_news_choose(const struct sentinel_news *news, uint64_t epoch, uint64_t number)
{
    cleanup_free char *line = xasprintf("hello %" PRIu64 " %" PRIu64 "\n", epoch, number);
    int fd = connect_watch(news, line);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
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
