// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gathers what an action must know of the local server before it asks it anything.
 */
#include "redis_server.h"

#include "log.h"
#include "node_address.h"
#include "redis_authority.h"
#include "redis_priority.h"
#include "server.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LOOPBACK     "127.0.0.1"
#define LOOPBACK6    "::1"
#define PORT_DEFAULT 6379

static const char *const binaries[] = {
    "/usr/bin/redis-server",  "/usr/sbin/redis-server",  "/usr/local/bin/redis-server",
    "/usr/bin/valkey-server", "/usr/sbin/valkey-server", "/usr/local/bin/valkey-server",
};
static const char *const redis_configs[] = {
    "/etc/redis/redis.conf",
    "/etc/redis.conf",
    "/usr/local/etc/redis/redis.conf",
};
static const char *const valkey_configs[] = {
    "/etc/valkey/valkey.conf",
    "/etc/valkey.conf",
    "/usr/local/etc/valkey/valkey.conf",
};

static const char *find_binary(const char *param)
{
    if (param)
        return param;
    for (size_t i = 0; i < ARRAY_SIZE(binaries); i++) {
        if (file_is_program(binaries[i]))
            return binaries[i];
    }
    return NULL;
}

static bool is_valkey(const char *binary)
{
    return binary && strstr(binary, "valkey");
}

static const char *find_config(const char *param, const char *binary)
{
    const char *const *configs = is_valkey(binary) ? valkey_configs : redis_configs;

    if (param)
        return param;
    for (size_t i = 0; i < ARRAY_SIZE(redis_configs); i++) {
        if (access(configs[i], F_OK) == 0)
            return configs[i];
    }
    return NULL;
}

static enum redis_mode find_mode(const struct ocf_context *context)
{
    if (!context->in_cluster && !context->is_promotable)
        return REDIS_MODE_ALONE;
    return context->is_promotable || context->is_clone ? REDIS_MODE_PROMOTABLE : REDIS_MODE_PLAIN;
}

static int conf_int(const struct redis_conf *conf, const char *key, int64_t min, int64_t max,
                    int fallback)
{
    const char *text = conf ? redis_conf_value(conf, key) : NULL;
    int64_t value;

    return text && parse_int64(text, min, max, &value) == 0 ? (int)value : fallback;
}

/* The address by which this node itself connects: loopback where the server listens there, since
 * protected mode lets in nobody else. */
static const char *local_host(const struct redis_server *server)
{
    const char *first = NULL;

    if (!server->conf || redis_conf_bind(server->conf, LOOPBACK) == REDIS_BIND_COVERED)
        return LOOPBACK;
    if (redis_conf_bind(server->conf, server->address) == REDIS_BIND_COVERED)
        return server->address;
    if (redis_conf_bind(server->conf, LOOPBACK6) == REDIS_BIND_COVERED)
        return LOOPBACK6;
    first = redis_conf_word(server->conf, "bind", redis_conf_count(server->conf, "bind") - 1, 0);
    return first ? first + (first[0] == '-') : LOOPBACK;
}

static void set_if_absent(char **field, const char *value)
{
    if (!*field && value)
        *field = xstrdup(value);
}

/* What the auth_file does not say is taken from the configuration. */
static void complete_credentials(struct redis_server *server)
{
    struct credentials *credentials = &server->credentials;
    const struct redis_conf *conf = server->conf;

    if (!conf)
        return;
    if (!credentials->username) {
        set_if_absent(&credentials->password, redis_conf_value(conf, "requirepass"));
        set_if_absent(&credentials->password, redis_conf_acl_password(conf, "default"));
    }
    if (!credentials->replication_username && !credentials->replication_password) {
        set_if_absent(&credentials->replication_username, redis_conf_value(conf, "masteruser"));
        set_if_absent(&credentials->replication_password, redis_conf_value(conf, "masterauth"));
    }
}

static void fill_endpoint(struct redis_server *server)
{
    server->endpoint = (struct redis_endpoint){
        .host = local_host(server),
        .port = server->port,
        .unix_path =
            server->port == 0 && server->conf ? redis_conf_value(server->conf, "unixsocket") : NULL,
        .username = server->credentials.username,
        .password = server->credentials.password,
        .tls = server->params->tls,
        .tls_ca_file = server->params->tls_ca_file,
        .tls_cert_file = server->params->tls_cert_file,
        .tls_key_file = server->params->tls_key_file,
    };
}

static void recall_address(struct redis_server *server)
{
    cleanup_free char *text = NULL;

    snprintf(server->address, sizeof(server->address), "%s", LOOPBACK);
    if (file_read(server->address_path, sizeof(server->address), &text) == 0) {
        text[strcspn(text, "\n")] = '\0';
        snprintf(server->address, sizeof(server->address), "%s", text);
    }
}

void redis_server_open(struct redis_server *server, const struct ocf_context *context,
                       const struct redis_params *params)
{
    memset(server, 0, sizeof(*server));
    server->context = context;
    server->params = params;
    server->mode = find_mode(context);
    server->binary = find_binary(params->binary);
    server->config = find_config(params->config, server->binary);
    server->process_path = xasprintf("%s/process", context->run_dir);
    server->role_path = xasprintf("%s/promoted", context->run_dir);
    server->peers_path = xasprintf("%s/peers", context->run_dir);
    server->address_path = xasprintf("%s/address", context->run_dir);
    if (server->config)
        (void)redis_conf_read(server->config, &server->conf, &server->conf_problem);
    if (params->auth_file)
        server->auth_error =
            credentials_read(params->auth_file, &server->credentials, &server->auth_problem);
    complete_credentials(server);
    server->port =
        params->port ? (int)params->port : conf_int(server->conf, "port", 0, 65535, PORT_DEFAULT);
    server->priority = redis_priority_of_user(server);
    recall_address(server);
    fill_endpoint(server);
}

void redis_server_close(struct redis_server *server)
{
    redis_conf_free(server->conf);
    credentials_clear(&server->credentials);
    free(server->conf_problem);
    free(server->auth_problem);
    free(server->process_path);
    free(server->role_path);
    free(server->peers_path);
    free(server->address_path);
}

int redis_server_locate(struct redis_server *server, char **problem)
{
    const struct ocf_context *context = server->context;
    int rc = node_address(context, server->params->address, context->instance, server->address,
                          sizeof(server->address), problem);

    /* On a remote node a server without replicas does with loopback. */
    if (rc == -ENOTCONN && server->mode != REDIS_MODE_PROMOTABLE) {
        free(steal_pointer(problem));
        rc = 0;
    }
    fill_endpoint(server);
    return rc;
}

/* What is known of the peers stays where they cannot be asked for: no list would mean no peers. */
static int note_peers(const struct redis_server *server)
{
    const struct ocf_context *context = server->context;
    struct peer peers[NODES_MAX];
    size_t count = 0;
    int found = 0;

    if (server->mode == REDIS_MODE_PROMOTABLE)
        found = peers_find(context, context->instance, server->port, peers, NODES_MAX, &count);
    if (found && access(server->peers_path, F_OK) == 0) {
        log_warning("the other nodes could not be looked up (%s): the list of before counts",
                    strerror(-found));
        return 0;
    }
    if (found)
        log_warning("the other nodes are not known (%s): no peer can be asked", strerror(-found));
    if (found && found != -ENOTCONN)
        return 0; /* without a list the next monitor looks them up */
    return peers_save(server->peers_path, peers, found ? 0 : count);
}

int redis_server_note(const struct redis_server *server)
{
    const char *run_dir = server->context->run_dir;
    cleanup_free char *endpoint_path = xasprintf("%s/endpoint", run_dir);
    cleanup_free char *endpoint = xasprintf("%s %d\n", server->address, server->port);
    cleanup_free char *address = xasprintf("%s\n", server->address);
    int rc = file_write_atomic(server->address_path, address, 0600);

    if (!rc)
        rc = file_write_atomic(endpoint_path, endpoint, 0600);
    if (!rc)
        rc = redis_authority_note(server->context, redis_authority_in_force(server->context));
    if (!rc)
        rc = redis_priority_note(server);
    return rc ? rc : note_peers(server);
}

bool redis_server_is_noted(const struct redis_server *server)
{
    return server->mode != REDIS_MODE_PROMOTABLE || access(server->peers_path, F_OK) == 0;
}

/* A script becomes another program, which nothing ties to `binary` any more. */
static bool is_script(const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char start[2];

    return fd >= 0 && read(fd, start, 2) == 2 && start[0] == '#' && start[1] == '!';
}

static enum ocf_exit validate_binary(const struct redis_server *server)
{
    if (!server->binary)
        return ocf_fail(OCF_ERR_INSTALLED, "binary: neither redis-server nor valkey-server is "
                                           "installed here; install one or set binary");
    if (!file_is_program(server->binary))
        return ocf_fail(OCF_ERR_INSTALLED,
                        "binary: \"%s\" is not a program here; expected the path "
                        "of redis-server or valkey-server",
                        server->binary);
    if (is_script(server->binary))
        return ocf_fail(OCF_ERR_ARGS,
                        "binary: \"%s\" is a script; expected redis-server or valkey-server itself",
                        server->binary);
    return OCF_SUCCESS;
}

static enum ocf_exit validate_config(const struct redis_server *server)
{
    const char *user = server_user(server->params->user);
    struct stat st;

    if (!server->config)
        return ocf_fail(OCF_ERR_INSTALLED, "config: none is given and no redis.conf was found in "
                                           "the distribution's places; set config");
    if (stat(server->config, &st) < 0)
        return ocf_fail(OCF_ERR_INSTALLED,
                        "config: \"%s\" cannot be read: %s; expected a redis.conf", server->config,
                        strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ocf_fail(OCF_ERR_ARGS, "config: \"%s\" is not a regular file; expected a redis.conf",
                        server->config);
    if (!server->conf)
        return ocf_fail(OCF_ERR_ARGS, "config: %s", server->conf_problem);
    if (server_user_may(user, server->config, R_OK) < 0)
        return ocf_fail(OCF_ERR_ARGS,
                        "config: user %s cannot read \"%s\"; expected a file that it can", user,
                        server->config);
    return OCF_SUCCESS;
}

static enum ocf_exit validate_files(const struct redis_server *server)
{
    enum ocf_exit rc = validate_binary(server);

    if (!rc)
        rc = server_check_user(server_user(server->params->user));
    if (!rc)
        rc = validate_config(server);
    if (rc)
        return rc;
    if (server->auth_problem)
        return ocf_fail(server->auth_error == -ENOENT || server->auth_error == -ENOTDIR
                            ? OCF_ERR_INSTALLED
                            : OCF_ERR_ARGS,
                        "%s", server->auth_problem);
    return OCF_SUCCESS;
}

/* Redis lets in nobody from elsewhere when it has neither a password nor protected-mode off. */
static bool is_protected(const struct redis_server *server)
{
    const char *mode = redis_conf_value(server->conf, "protected-mode");

    return !server->credentials.password && !str_eq(mode, "no");
}

static enum ocf_exit validate_for_replicas(const struct redis_server *server)
{
    cleanup_free char *bind = redis_conf_bind_text(server->conf);

    if (!server->context->is_promotable)
        return ocf_fail(OCF_ERR_CONFIGURED, "the resource is a clone that is not promotable, so "
                                            "that no server would ever be primary; expected meta "
                                            "promotable=true");
    if (server->port == 0)
        return ocf_fail(OCF_ERR_ARGS,
                        "port: 0 in %s; expected a TCP port, since replicas connect "
                        "to it",
                        server->config);
    if (redis_conf_bind(server->conf, server->address) == REDIS_BIND_MISSING)
        return ocf_fail(OCF_ERR_ARGS,
                        "config: %s has `bind %s`; expected %s (or *) among them, "
                        "since replicas on the other nodes connect to it",
                        server->config, bind, server->address);
    if (is_protected(server))
        return ocf_fail(OCF_ERR_ARGS,
                        "config: no password and protected-mode on, so replicas are refused; set "
                        "requirepass and masterauth, or protected-mode no, in %s",
                        server->config);
    return OCF_SUCCESS;
}

enum ocf_exit redis_server_validate(const struct redis_server *server)
{
    enum ocf_exit rc = validate_files(server);

    if (rc)
        return rc;
#ifndef HAVE_HIREDIS_SSL
    if (server->params->tls)
        return ocf_fail(OCF_ERR_CONFIGURED, "tls: true, but this build has no TLS (hiredis_ssl was "
                                            "not found when it was built); expected false");
#endif
    if (server->port == 0 && !server->endpoint.unix_path)
        return ocf_fail(OCF_ERR_ARGS, "port: 0 without a `unixsocket` in %s; expected one of both",
                        server->config);
    return server->mode == REDIS_MODE_PROMOTABLE ? validate_for_replicas(server) : OCF_SUCCESS;
}

bool redis_server_is_watched(const struct redis_server *server)
{
    return server->mode == REDIS_MODE_PROMOTABLE && server->context->in_cluster;
}

bool redis_server_was_promoted(const struct redis_server *server)
{
    return access(server->role_path, F_OK) == 0;
}

int redis_server_note_promoted(const struct redis_server *server, bool promoted)
{
    return promoted ? file_write_atomic(server->role_path, "promoted\n", 0600)
                    : file_remove(server->role_path);
}
