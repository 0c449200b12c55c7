// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Notes of the running configuration, since the parameters and the files may change beneath it:
 * `socket`, `token`, `configuration`, `worker` and `refusal` in the run folder.
 */
#include "haproxy_config.h"
#include "haproxy_server.h"
#include "log.h"
#include "server.h"
#include "util.h"
#include <string.h>

#define NOTE_MAX 65536

static char *note_path(const struct ocf_context *context, const char *note)
{
    return xasprintf("%s/%s", context->run_dir, note);
}

static char *note_read(const struct ocf_context *context, const char *note)
{
    cleanup_free char *path = note_path(context, note);
    char *text = NULL;

    return file_read(path, NOTE_MAX, &text) == 0 ? text : NULL;
}

/* A note that cannot be written costs knowledge, not service. NULL removes it. */
static void note_write(const struct ocf_context *context, const char *note, const char *text)
{
    cleanup_free char *path = note_path(context, note);
    int rc = text ? file_write_atomic(path, text, 0600) : file_remove(path);

    if (rc)
        log_warning("%s could not be written: %s", path, strerror(-rc));
}

static const char *token_of(const struct haproxy_server *server)
{
    return server->params->reload_token ? server->params->reload_token : "";
}

void haproxy_note(const struct haproxy_server *server, const char *print)
{
    note_write(server->context, "socket", server->socket);
    note_write(server->context, "token", token_of(server));
    note_write(server->context, "configuration", print);
    note_write(server->context, "said", NULL);
    note_write(server->context, "refusal", NULL);
}

void haproxy_note_refusal(const struct haproxy_server *server, const char *why)
{
    note_write(server->context, "refusal", why);
}

char *haproxy_noted_refusal(const struct ocf_context *context)
{
    return note_read(context, "refusal");
}

void haproxy_note_worker(const struct haproxy_server *server, pid_t pid)
{
    cleanup_free char *path = note_path(server->context, "worker");
    struct proc_id worker;
    int rc = proc_identify(pid, &worker);

    if (!rc)
        rc = proc_save(path, &worker);
    if (rc)
        log_warning("worker %d could not be noted: %s", (int)pid, strerror(-rc));
}

bool haproxy_noted_worker(const struct ocf_context *context, struct proc_id *worker)
{
    cleanup_free char *path = note_path(context, "worker");

    return proc_load(path, worker) == 0 && proc_check(worker) == PROC_ALIVE;
}

bool haproxy_is_single(const struct haproxy_server *server)
{
    struct proc_id noted;

    return haproxy_noted_worker(server->context, &noted) && noted.pid == server->process.pid;
}

void haproxy_forget(const struct haproxy_server *server)
{
    static const char *const notes[] = {"socket", "token",  "configuration",
                                        "said",   "worker", "refusal"};

    for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
        note_write(server->context, notes[i], NULL);
    server_forget(server->context);
}

char *haproxy_noted_socket(const struct ocf_context *context)
{
    return note_read(context, "socket");
}

bool haproxy_token_is_noted(const struct haproxy_server *server)
{
    cleanup_free char *token = note_read(server->context, "token");

    return str_eq(token, token_of(server));
}

enum haproxy_currency haproxy_currency(const struct haproxy_server *server)
{
    cleanup_free char *running = note_read(server->context, "configuration");
    cleanup_free char *on_disk = NULL;

    if (!running || haproxy_config_print(server->params->config, &on_disk) < 0)
        return HAPROXY_NOT_KNOWN;
    return str_eq(running, on_disk) ? HAPROXY_CURRENT : HAPROXY_OUTDATED;
}

static const char *currency_text(enum haproxy_currency currency)
{
    switch (currency) {
    case HAPROXY_CURRENT:
        return "the running configuration is the one on disk";
    case HAPROXY_OUTDATED:
        return "the configuration on disk is not the running one; a new reload_token loads it";
    case HAPROXY_NOT_KNOWN:
        break;
    }
    return "whether the running configuration is the one on disk is not known";
}

void haproxy_say_currency(const struct haproxy_server *server)
{
    const char *text = currency_text(haproxy_currency(server));
    cleanup_free char *said = note_read(server->context, "said");

    if (str_eq(said, text))
        return;
    log_notice("%s: %s", server->params->config, text);
    note_write(server->context, "said", text);
}
