// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The auth_file parameter: passwords that the CIB must not hold. Lines `KEY VALUE`, the value to
 * the end of the line; blank lines and lines that begin with '#' are passed over.
 */
#ifndef RHA_CREDENTIALS_H
#define RHA_CREDENTIALS_H

struct credentials { /* NULL: not given */
    char *username, *password;
    char *replication_username, *replication_password;
    char *sentinel_username, *sentinel_password;
};

/*
 * 0, or -errno with *problem (caller frees), which names the file and the line but never a value:
 * -ENOENT and the like; -EPERM: not root's alone (owner 0, mode 0600 or less); -EINVAL: a line that
 * is none of the keys above. *out is empty on failure.
 */
int credentials_read(const char *path, struct credentials *out, char **problem);
void credentials_clear(struct credentials *credentials);

#endif
