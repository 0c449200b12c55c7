// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node list of a real corosync, alone in name spaces of its own; without root there is none.
 */
#include "nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "server_run.h"

static bool alone; /* in name spaces of our own */

static const char hosts[] = "127.0.0.1 localhost\n"
                            "127.0.0.2 second.example\n";

/* The middle one, which is this node, is named by a name that resolves; the last has no name. */
static const char config[] = "totem {\n"
                             "    version: 2\n"
                             "    cluster_name: test\n"
                             "    transport: knet\n"
                             "    crypto_cipher: none\n"
                             "    crypto_hash: none\n"
                             "    ip_version: ipv4\n"
                             "}\n"
                             "nodelist {\n"
                             "    node {\n"
                             "        ring0_addr: 192.0.2.1\n"
                             "        name: n1\n"
                             "        nodeid: 11\n"
                             "    }\n"
                             "    node {\n"
                             "        ring0_addr: second.example\n"
                             "        name: n2\n"
                             "        nodeid: 12\n"
                             "    }\n"
                             "    node {\n"
                             "        ring0_addr: 192.0.2.3\n"
                             "        nodeid: 13\n"
                             "    }\n"
                             "}\n"
                             "quorum {\n"
                             "    provider: corosync_votequorum\n"
                             "}\n"
                             "logging {\n"
                             "    to_stderr: yes\n"
                             "    to_syslog: no\n"
                             "}\n";

static bool loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

/* Network for corosync's sockets, mounts for its files: nothing of it is seen outside. */
static bool leave_the_machine(void)
{
    static const char *const folders[] = {"/dev/shm", "/run", "/var/lib/corosync"};

    /* The name is what corosync finds itself by, where the address is given as one. */
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) ||
        sethostname("n2", strlen("n2")) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (mount("test", folders[i], "tmpfs", 0, NULL))
            return false;
    return loopback_up();
}

static int set_up(void **state)
{
    cleanup_free char *path = NULL;

    if (scratch_make(state))
        return -1;
    alone = geteuid() == 0 && leave_the_machine();
    if (!alone)
        return 0;
    path = scratch_path("hosts");
    return file_write_atomic(path, hosts, 0644) || mount(path, "/etc/hosts", "none", MS_BIND, NULL);
}

static int tear_down(void **state)
{
    if (alone)
        umount("/etc/hosts");
    return scratch_remove(state);
}

static pid_t corosync_spawn(struct nodes *nodes)
{
    cleanup_free char *path = scratch_path("corosync.conf");
    const char *const argv[] = {"corosync", "-f", "-c", path, NULL};
    pid_t pid;

    assert_int_equal(file_write_atomic(path, config, 0600), 0);
    pid = server_spawn(argv);
    wait_for(nodes_read(nodes) == 0);
    nodes_resolve(nodes);
    return pid;
}

/* As an administrator removes a node while the cluster runs. */
static void first_node_remove(void)
{
    static const char *const argv[] = {"corosync-cfgtool", "-R", NULL};
    cleanup_free char *path = scratch_path("corosync.conf"), *text = xstrdup(config);
    char *node = strstr(text, "    node {"), *next = strstr(node + 1, "    node {");
    int status;

    memmove(node, next, strlen(next) + 1);
    assert_int_equal(file_write_atomic(path, text, 0600), 0);
    assert_int_equal(waitpid(server_spawn(argv), &status, 0) > 0, true);
    assert_int_equal(status, 0);
}

static void without_corosync_there_is_no_list(void **state)
{
    struct nodes nodes = {.count = 7};

    (void)state;
    if (!alone)
        skip();
    assert_int_equal(nodes_read(&nodes), -ENOTCONN);
    assert_int_equal(nodes.count, 0);
    assert_int_equal(nodes.local, SIZE_MAX);
}

static void list_is_corosyncs(void **state)
{
    struct nodes nodes;
    pid_t pid;

    (void)state;
    if (!alone)
        skip();
    pid = corosync_spawn(&nodes);
    assert_int_equal(nodes.count, 3);
    assert_int_equal(nodes_find(&nodes, "n1")->id, 11);
    assert_string_equal(nodes_find(&nodes, "n1")->address, "192.0.2.1");
    assert_int_equal(nodes_find(&nodes, "n2")->id, 12);
    assert_string_equal(nodes_find(&nodes, "n2")->address, "127.0.0.2");
    assert_ptr_equal(nodes_find(&nodes, "n2"), &nodes.node[nodes.local]);
    assert_int_equal(nodes_find(&nodes, "192.0.2.3")->id, 13);
    assert_string_equal(nodes_find(&nodes, "192.0.2.3")->address, "192.0.2.3");
    first_node_remove();
    wait_for(nodes_read(&nodes) == 0 && nodes.count == 2);
    assert_null(nodes_find(&nodes, "n1"));
    assert_string_equal(nodes.node[nodes.local].name, "n2");
    server_kill(pid);
    assert_int_equal(nodes_read(&nodes), -ENOTCONN);
}

static void node_is_found_by_its_whole_name(void **state)
{
    struct nodes nodes = {.count = 2, .node = {{.name = "n1"}, {.name = "n10", .id = 10}}};

    (void)state;
    assert_int_equal(nodes_find(&nodes, "n10")->id, 10);
    assert_null(nodes_find(&nodes, "n"));
    assert_null(nodes_find(&nodes, "N1"));
    assert_null(nodes_find(&nodes, ""));
    nodes.count = 1;
    assert_null(nodes_find(&nodes, "n10"));
}

static void the_majority_counts_nodes(void **state)
{
    (void)state;
    assert_int_equal(nodes_majority(&(struct nodes){.count = 3}), 2);
    assert_int_equal(nodes_majority(&(struct nodes){.count = 5}), 3);
    assert_int_equal(nodes_majority(&(struct nodes){.count = 2}), 2);
    assert_int_equal(nodes_majority(&(struct nodes){.count = 2, .two_node = true}), 1);
    assert_int_equal(nodes_majority(&(struct nodes){.count = 2, .device_votes = 1}), 1);
    assert_int_equal(nodes_majority(&(struct nodes){.count = 4, .device_votes = 3}), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_majority_counts_nodes),
        cmocka_unit_test(node_is_found_by_its_whole_name),
        cmocka_unit_test(without_corosync_there_is_no_list),
        cmocka_unit_test(list_is_corosyncs),
    };

    return cmocka_run_group_tests_name("nodes", tests, set_up, tear_down);
}
